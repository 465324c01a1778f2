"""Where a person sees how far a run is: something to wait with."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol, TypeAlias

if TYPE_CHECKING:
    from collections.abc import Callable

Ready: TypeAlias = "Callable[[float], bool]"
"""Waits for at most so many seconds, and says whether that what it waits for is there."""


class Display(Protocol):
    """Waits in the main thread, and shows meanwhile how far the run is."""

    def until(self, ready: Ready) -> None:
        """Return when ``ready`` says so."""
        ...

    def close(self) -> None:
        """Say how far it came, if that is still to be said."""
        ...
