"""Starts pytest sessions by forking one process that has imported everything: a hundred sessions cost seconds, not minutes.

Run as a program it reads a folder per line, and answers with the process id of the session it started there, then with its exit code.
"""

from __future__ import annotations

import gc
import os
import subprocess
import sys
from importlib import import_module
from typing import IO, TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path
    from types import TracebackType

IMPORTED = (
    "duckdb",
    "openai",
    "evalkit.checks.content.matching",
    "evalkit.harness.after.finish",
    "evalkit.harness.before.planning",
    "evalkit.harness.during.runner",
    "evalkit.harness.watching.eventlog",
    "evalkit.providers.openai.provider",
    "evalkit.pytest_plugin.beforehand",
    "evalkit.pytest_plugin.session",
    "genai_prices",
    "unittest",
    "xdist.plugin",
)
"""What the sessions find imported."""


class ForkServer:
    """The server, while the ``with`` block runs."""

    def __enter__(self) -> ForkServer:
        words = [sys.executable, __file__]
        self._process = subprocess.Popen(words, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stream("stdin").close()
        self._process.wait(30)
        self._stream("stdout").close()

    def start(self, folder: Path) -> int:
        """Start ``pytest suites`` in ``folder`` and return its process id."""
        stdin = self._stream("stdin")
        stdin.write(f"{folder}\n")
        stdin.flush()
        return int(self._stream("stdout").readline())

    def wait(self) -> int:
        """Wait for the session to end; return its exit code, negative for a signal."""
        return int(self._stream("stdout").readline())

    def _stream(self, name: str) -> IO[str]:
        stream: IO[str] | None = getattr(self._process, name)
        assert stream is not None
        return stream


def main() -> None:
    """Serve until the input ends."""
    import pytest

    for name in IMPORTED:
        import_module(name)
    gc.freeze()  # pytest looks for garbage at the end of each session, which would be among all that was imported
    for line in sys.stdin:
        child = os.fork()
        if child == 0:
            _session(pytest.main, line.strip())
        print(child, flush=True)
        print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]), flush=True)


def _session(main: object, folder: str) -> None:
    os.chdir(folder)
    nowhere = os.open(folder + "/said.txt", os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    for stream in (0, 1, 2):
        os.dup2(nowhere, stream)
    code = main(["suites", "-q", "--evalkit-no-report", "-p", "no:cacheprovider"])  # type: ignore[operator]
    sys.stdout.flush()
    os._exit(int(code))


if __name__ == "__main__":
    main()
