"""What may become of a run, in one word."""

from __future__ import annotations

from typing import Literal, get_args

Outcome = Literal["passed", "failed", "undecided", "unmeasured"]


def known_outcome(value: object) -> Outcome | None:
    """``value``, which a journal or a database holds, if it is an outcome; else None."""
    return next((one for one in get_args(Outcome) if one == value), None)
