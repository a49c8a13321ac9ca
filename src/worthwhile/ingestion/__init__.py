"""Files and databases become events: read, recognised, cleaned, checked, and appended to the log."""

from worthwhile.ingestion.reasons import REASONS
from worthwhile.ingestion.report import FileReport, IngestReport
from worthwhile.ingestion.run import ingest

__all__ = ["REASONS", "FileReport", "IngestReport", "ingest"]
