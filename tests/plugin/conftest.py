"""Fixtures of the plugin's stories.

pytester forgets modules that an in-process run imported. C extensions do not survive that (PyYAML's parser would go on making events
of forgotten classes), and importing the rest again for every test takes seconds; so what a run needs is imported here, once.
"""

from __future__ import annotations

import duckdb  # noqa: F401 - see above
import openai  # noqa: F401 - see above
import pytest
from fakes.eval_project import PytestProject

import evalkit.harness.api  # noqa: F401 - see above
import evalkit.pytest_plugin.collect  # noqa: F401 - see above


@pytest.fixture
def project(pytester: pytest.Pytester) -> PytestProject:
    """A fresh project."""
    return PytestProject(pytester)
