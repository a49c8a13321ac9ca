"""The HTML report: one self-contained file, in English or Chinese."""

from worthwhile.report.build import report_html, write_report
from worthwhile.report.collect import content_of
from worthwhile.report.content import ReportContent
from worthwhile.report.quality_content import QualityContent, quality_content
from worthwhile.report.quality_page import quality_html, write_quality_page

__all__ = [
    "QualityContent",
    "ReportContent",
    "content_of",
    "quality_content",
    "quality_html",
    "report_html",
    "write_quality_page",
    "write_report",
]
