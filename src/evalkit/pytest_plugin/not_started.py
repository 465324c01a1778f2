"""How a session ends that could not begin."""

from __future__ import annotations

import pytest


class NotStarted(pytest.exit.Exception):  # type: ignore[name-defined, misc] # pytest gives it no name for types
    """Ends the session as ``pytest.exit`` does; its name is what pytest prints in front of the message."""


NotStarted.__module__, NotStarted.__qualname__ = "builtins", "error"
