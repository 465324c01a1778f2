"""What a person sees while a run waits: a status line below pytest's dots on a terminal, now and then a plain line in CI."""

from __future__ import annotations

import os
import time
from concurrent.futures import wait
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Literal, TypeVar

from evalkit.harness.watching.progress import line, told
from evalkit.pytest_plugin.workers import teller_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from concurrent.futures import Future

    import pytest

    from evalkit.harness.watching.progress import Progress
    from evalkit.pytest_plugin.display import Display, Ready

T = TypeVar("T")

REDRAW_S = 0.25
PLAIN_S = 10.0
_LONG_S = 60.0
Style = Literal["live", "plain", "off"]

_BELOW = "\r\n"
_BACK_UP = "\x1b[K\x1b[1A\r"
_ERASE = "\x1b[J"


def result_of(future: Future[T], display: Display) -> T:
    """The future's result, waited for at ``display``."""
    display.until(lambda seconds: future.done() or bool(wait((future,), timeout=seconds).done))
    return future.result()


class Silent:
    """Shows nothing."""

    def until(self, ready: Ready) -> None:
        """Return when ``ready`` says so."""
        while not ready(_LONG_S):
            pass

    def close(self) -> None:
        """Nothing is left to be said."""


class LiveLine:
    """A status line on the row below pytest's own. It stands there only while the main thread waits, so nobody writes into it.

    The text is made anew every ``REDRAW_S`` seconds. ``progress`` says how far the run is; ``screen`` is the terminal.
    """

    def __init__(self, progress: Callable[[], Progress], screen: Screen) -> None:
        self._progress = progress
        self._screen = screen
        self._text = ""
        self._made = float("-inf")

    def until(self, ready: Ready) -> None:
        """Return when ``ready`` says so, which it says below a status line unless it says it at once."""
        if ready(0.0):
            return
        try:
            self._draw()
            while not ready(REDRAW_S):
                self._draw()
        finally:
            self._screen.erase()

    def close(self) -> None:
        """Nothing is left on the screen."""

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

    def until(self, ready: Ready) -> None:
        """Return when ``ready`` says so; what is due is written meanwhile."""
        while not ready(self._left()):
            pass

    def close(self) -> None:
        """What was not due is not written."""

    def _left(self) -> float:
        """Seconds until the next line is due; one that is due already is written first."""
        now = time.monotonic()
        if now >= self._due:
            self._screen.line(line(self._progress(), 1000))
            self._due = now + self._every_s
        return self._due - now


class Teller:
    """Shows nothing, but tells another process how far this one is: at most every ``REDRAW_S`` seconds, and at its end."""

    def __init__(self, progress: Callable[[], Progress], tell: Callable[[Mapping[str, Any]], None]) -> None:
        self._progress = progress
        self._tell = tell
        self._due = float("-inf")
        self._last: Mapping[str, Any] = {}

    def until(self, ready: Ready) -> None:
        """Return when ``ready`` says so."""
        self._tell_if_due()
        while not ready(REDRAW_S):
            self._tell_if_due()

    def close(self) -> None:
        """Tell how far it came."""
        self._due = float("-inf")
        self._tell_if_due()

    def _tell_if_due(self) -> None:
        now = time.monotonic()
        if now < self._due:
            return
        self._due = now + REDRAW_S
        news = told(self._progress())
        if news != self._last:
            self._tell(news)
            self._last = news


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
    """The display that fits the session: ``--evalkit-progress``, the terminal, and how quiet pytest is; a worker tells its controller."""
    teller = teller_of(config)
    if teller is not None:
        return Teller(progress, teller)
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
