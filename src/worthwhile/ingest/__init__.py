"""Files become events: read, recognised, cleaned, checked, and appended to the log."""

from worthwhile.ingest.reasons import REASONS
from worthwhile.ingest.report import FileReport, IngestReport
from worthwhile.ingest.run import ingest

__all__ = ["REASONS", "FileReport", "IngestReport", "ingest"]
