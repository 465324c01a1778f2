"""Fixtures of the plugin's stories."""

from __future__ import annotations

import pytest
from fakes.eval_project import PytestProject


@pytest.fixture
def project(pytester: pytest.Pytester) -> PytestProject:
    """A fresh project."""
    return PytestProject(pytester)
