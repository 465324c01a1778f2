"""Where a child process finds this folder's sample values."""

from __future__ import annotations

from pathlib import Path

import pytest


@pytest.fixture
def here() -> str:
    """The folder of the store's tests, for the ``sys.path`` of a child."""
    return str(Path(__file__).parent)
