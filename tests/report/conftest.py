"""The sample run that every report test reads."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from sample_report import build_report

if TYPE_CHECKING:
    from evalkit.report.values import RunReport


@pytest.fixture(scope="session")
def report() -> RunReport:
    return build_report(cases=60, repeats=3)
