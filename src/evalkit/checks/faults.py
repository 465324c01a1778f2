"""What a check that broke left behind: why, in one line, and the end of its traceback."""

from __future__ import annotations

import traceback
from pathlib import Path, PurePath
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Sequence

_PACKAGE = Path(__file__).parents[1]
_FRAMES = 12
_REASON = 500


class Fault(NamedTuple):
    """``reason`` is one line, ``detail`` the traceback's last frames."""

    reason: str
    detail: str


def fault_of(error: BaseException) -> Fault:
    """Describe what a check raised, whatever it is: nothing in it is trusted, not even that it can be printed."""
    said = " ".join("".join(traceback.TracebackException(type(error), error, None).format_exception_only()).split())
    frames = _theirs(traceback.extract_tb(error.__traceback__, limit=-_FRAMES))
    place = f" ({PurePath(frames[-1].filename).name}:{frames[-1].lineno})" if frames else ""
    kind, _, message = said.partition(": ")
    reason = f"the check raised {kind.rpartition('.')[2]}{f': {message}' if message else ''}"
    return Fault(f"{reason[:_REASON]}{place}", "\n".join([*_lines(frames), said[:_REASON]]))


def _theirs(frames: list[traceback.FrameSummary]) -> list[traceback.FrameSummary]:
    """The frames from the first one outside evalkit on, or the last one if there is none."""
    outside = (index for index, frame in enumerate(frames) if not PurePath(frame.filename).is_relative_to(_PACKAGE))
    return frames[next(outside, -1) :]


def _lines(frames: Sequence[traceback.FrameSummary]) -> list[str]:
    here = Path.cwd()
    return [f"{_shown(frame.filename, here)}:{frame.lineno} in {frame.name}: {frame.line or ''}" for frame in frames]


def _shown(filename: str, here: Path) -> str:
    """A file of the project by its path in it, any other by its last two names."""
    path = PurePath(filename)
    return path.relative_to(here).as_posix() if path.is_relative_to(here) else "/".join(path.parts[-2:])
