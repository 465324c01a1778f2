"""What a person sees while a run waits: a status line below pytest's dots on a terminal, now and then a plain line in CI."""

from __future__ import annotations

import os
import time
from concurrent.futures import wait
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Literal, Protocol, TypeVar

from evalkit.harness.progress import line

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from concurrent.futures import Future

    import pytest

    from evalkit.harness.progress import Progress

T = TypeVar("T")

REDRAW_S = 0.25
PLAIN_S = 10.0
Style = Literal["live", "plain", "off"]

_BELOW = "\r\n"
_BACK_UP = "\x1b[K\x1b[1A\r"
_ERASE = "\x1b[J"


class Display(Protocol):
    """Waits for answers in the main thread, and shows meanwhile how far the run is."""

    def result(self, future: Future[T]) -> T:
        """The future's result, waited for."""
        ...


class Silent:
    """Shows nothing."""

    def result(self, future: Future[T]) -> T:
        """The future's result, waited for."""
        return future.result()


class LiveLine:
    """A status line on the row below pytest's own. It stands there only while the main thread waits, so nobody writes into it.

    The text is made anew every ``REDRAW_S`` seconds. ``progress`` says how far the run is; ``screen`` is the terminal.
    """

    def __init__(self, progress: Callable[[], Progress], screen: Screen) -> None:
        self._progress = progress
        self._screen = screen
        self._text = ""
        self._made = float("-inf")

    def result(self, future: Future[T]) -> T:
        """The future's result, waited for below a status line."""
        if future.done():
            return future.result()
        try:
            while True:
                self._draw()
                if wait((future,), timeout=REDRAW_S).done:
                    return future.result()
        finally:
            self._screen.erase()

    def _draw(self) -> None:
        now = time.monotonic()
        if now - self._made >= REDRAW_S:
            self._text, self._made = line(self._progress(), self._screen.width - 1), now
        self._screen.draw(self._text)


class PlainLines:
    """A line of its own at most every ``every_s`` seconds, and none in a run that is over before."""

    def __init__(self, progress: Callable[[], Progress], screen: Screen, *, every_s: float) -> None:
        self._progress = progress
        self._screen = screen
        self._every_s = every_s
        self._due = time.monotonic() + every_s

    def result(self, future: Future[T]) -> T:
        """The future's result, waited for; what is due is written meanwhile."""
        while not future.done():
            wait((future,), timeout=self._left())
        self._left()
        return future.result()

    def _left(self) -> float:
        """Seconds until the next line is due; one that is due already is written first."""
        now = time.monotonic()
        if now >= self._due:
            self._screen.line(line(self._progress(), 1000))
            self._due = now + self._every_s
        return self._due - now


class Screen:
    """pytest's terminal, written to past its capturing. Lines that pytest has begun are left as they are, or ended."""

    def __init__(self, reporter: Any, capture: Any) -> None:  # noqa: ANN401 - pytest's private types
        self._reporter = reporter
        self._writer = reporter._tw  # noqa: SLF001 - the only way to write without disturbing pytest's idea of the line
        self._capture = capture

    @property
    def width(self) -> int:
        """Columns."""
        width: int = self._writer.fullwidth
        return width

    def draw(self, text: str) -> None:
        """Show ``text`` on the row below and come back. It may not be longer than a row."""
        used = self._writer.width_of_current_line
        column = used % self.width
        if used and not column:
            return  # the cursor hangs over the edge, and no terminal says where it would come back to
        shown = f"\x1b[2m{text}\x1b[0m" if self._writer.hasmarkup else text
        right = f"\x1b[{column}C" if column else ""
        with self._uncaptured():
            self._writer.write_raw(f"{_BELOW}{shown}{_BACK_UP}{right}", flush=True)

    def erase(self) -> None:
        """Take away what :meth:`draw` has shown."""
        with self._uncaptured():
            self._writer.write_raw(_ERASE, flush=True)

    def line(self, text: str) -> None:
        """Write a line of its own. pytest's letters go on in the next one; with ``-v`` the test is named again."""
        with self._uncaptured():
            if self._reporter.showlongtestinfo:
                self._reporter.ensure_newline()
            elif self._writer.width_of_current_line:
                self._writer.line()
            self._writer.line(text)
            self._writer.flush()

    @contextmanager
    def _uncaptured(self) -> Iterator[None]:
        if self._capture is None:
            yield
            return
        with self._capture.global_and_fixture_disabled():
            yield


def display_for(config: pytest.Config, progress: Callable[[], Progress]) -> Display:
    """The display that fits the session: ``--evalkit-progress``, the terminal, and how quiet pytest is."""
    style = style_of(config)
    if style == "off":
        return Silent()
    plugins = config.pluginmanager
    screen = Screen(plugins.get_plugin("terminalreporter"), plugins.get_plugin("capturemanager"))
    return LiveLine(progress, screen) if style == "live" else PlainLines(progress, screen, every_s=PLAIN_S)


def style_of(config: pytest.Config) -> Style:
    """How to show progress. Never in a worker of xdist, without pytest's terminal reporter, or with ``-qq``."""
    chosen: str = config.getoption("evalkit_progress")
    reporter: Any = config.pluginmanager.get_plugin("terminalreporter")
    if chosen == "off" or reporter is None or hasattr(config, "workerinput") or reporter.verbosity < -1:
        return "off"
    if chosen == "auto" and reporter.isatty() and os.environ.get("TERM") != "dumb":
        return "live"
    return "plain"
