"""The HTML report: one self-contained file, in English or Chinese."""

from worthwhile.report.build import report_html, write_report
from worthwhile.report.collect import content_of
from worthwhile.report.content import ReportContent

__all__ = ["ReportContent", "content_of", "report_html", "write_report"]
