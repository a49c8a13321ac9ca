import pytest

from oracles.made_report import made_content
from worthwhile.report.content import ReportContent


@pytest.fixture(scope="session")
def content() -> ReportContent:
    return made_content()
