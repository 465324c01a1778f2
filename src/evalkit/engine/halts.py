"""What stops a run: failures that no other request to the same provider or model can escape."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from evalkit.errors import FATAL

if TYPE_CHECKING:
    from evalkit.model.calls import CallFailure, Request


class Halts:
    """The first fatal failure of each provider (a bad key, exhausted credit) and of each model that does not exist.

    Those that were in flight then and fail for the same reason repeat its words. ``first`` is the first of them all that stops the run.
    """

    def __init__(self) -> None:
        self._by_scope: dict[str, CallFailure] = {}
        self.first: CallFailure | None = None

    def of(self, request: Request) -> CallFailure | None:
        """What makes ``request`` pointless, or None."""
        if not self._by_scope:
            return None
        return self._by_scope.get(request.provider) or self._by_scope.get(request.model)

    def note(self, request: Request, failure: CallFailure) -> tuple[CallFailure, bool]:
        """Return ``failure``, in the words of the one before it if there was one; and whether it is a new halt."""
        if failure.kind not in FATAL:
            return failure, False
        known = self.of(request)
        if known is not None:
            return replace(known, attempts=failure.attempts), False
        self._by_scope[request.model if failure.kind == "model_not_found" else request.provider] = failure
        return failure, True

    def stop(self, failure: CallFailure | None) -> None:
        """The whole run stops because of ``failure``, if there is one, unless it stops already."""
        self.first = self.first or failure
