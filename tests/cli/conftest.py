"""A project for the stories of the commands."""

from __future__ import annotations

import pytest
from fakes.eval_project import Project


@pytest.fixture
def project(tmp_path, monkeypatch):
    """A fresh project, and the current folder."""
    monkeypatch.chdir(tmp_path)
    return Project(tmp_path)
