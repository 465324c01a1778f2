"""pytest on a pseudo-terminal, and what it writes there."""

from __future__ import annotations

import os
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Callable

    from fakes.eval_project import PytestProject


def on_a_terminal(
    project: PytestProject, *words: str, until: str, then: Callable[[], object], **environment: str
) -> str:
    """Run pytest on a pseudo-terminal of 80 columns; call ``then`` as soon as ``until`` was written. Returns all that was written."""
    pty = pytest.importorskip("pty")
    ours, theirs = pty.openpty()
    command = [sys.executable, "-m", "pytest", "suites", *words]
    environ = {name: value for name, value in os.environ.items() if name not in {"PY_COLORS", "FORCE_COLOR"}}
    environ |= {"COLUMNS": "80", "TERM": "xterm", **environment}
    with subprocess.Popen(command, cwd=project.root, stdin=theirs, stdout=theirs, stderr=theirs, env=environ):
        os.close(theirs)
        text, called = "", False
        while True:
            try:
                piece = os.read(ours, 65536)
            except OSError:  # how Linux says that the other end was closed
                break
            if not piece:
                break
            text += piece.decode()
            if not called and until in text:
                then()
                called = True
        os.close(ours)
    assert called, f"{until!r} never showed:\n{text}"
    return text
