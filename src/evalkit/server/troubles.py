"""What hinders the threads of a server: a server that cannot read must not look well."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator


class Troubles:
    """What hinders the server's threads right now, by who says it; empty is well. Read from any thread."""

    def __init__(self) -> None:
        self._said: dict[str, str] = {}

    @property
    def first(self) -> str | None:
        """One of them, in a sentence; None if all is well."""
        return next(iter(self._said.copy().values()), None)

    def say(self, who: str, what: str) -> None:
        """From now on this hinders ``who``; an empty text takes it back."""
        self._said = {**{key: text for key, text in self._said.items() if key != who}, **({who: what} if what else {})}

    @contextmanager
    def told(self, who: str) -> Iterator[None]:
        """Say what ends the block, if it is an error: the thread dies of it, and the server must not look well."""
        try:
            yield
        except BaseException as error:
            self.say(
                who,
                f"{who} has stopped ({type(error).__name__}): what the server printed says more, and a new start helps",
            )
            raise
