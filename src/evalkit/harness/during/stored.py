"""Answers out of an earlier run's journal, in place of providers: nobody is asked and nothing is paid."""

from __future__ import annotations

from typing import TYPE_CHECKING

from evalkit.engine.policy import Route
from evalkit.errors import CallError
from evalkit.model.calls import Response

if TYPE_CHECKING:
    from collections.abc import Callable

    from evalkit.model.calls import Reply, Request
    from evalkit.store.journal.reader import RunRecords


class StoredAnswers:
    """Satisfies :class:`evalkit.providers.base.Provider` with the replies of one run, found by the request's key."""

    def __init__(self, records: RunRecords) -> None:
        self._run_id = records.run.run_id
        self._replies: dict[str, Reply] = {}
        self._redacted = {stored.key for stored in records.stored_calls if stored.redacted}
        for stored in records.stored_calls:
            if isinstance(stored.call.reply, Response) or stored.key not in self._replies:
                self._replies[stored.key] = stored.call.reply

    async def complete(self, request: Request) -> Response:
        """Return the stored response. Raises CallError for a request that the run did not make, or that failed in it."""
        reply = self._replies.get(request.key)
        if reply is None:
            raise CallError(
                f"not stored in run {self._run_id}: prompt, variables, model or parameters differ, or it was never asked",
                kind="replay_miss",
                hint="run the suite: only what is not in the cache is paid",
            )
        if request.key in self._redacted:
            raise CallError(
                f"run {self._run_id} stored this answer without its secrets or personal data: it cannot be judged again",
                kind="replay_miss",
                hint="run the suite: it is asked again",
            )
        if not isinstance(reply, Response):
            # A kind that neither stops the run nor is tried again, and after which a fallback is asked, as it was then.
            raise CallError(f"no answer in run {self._run_id}: {reply.kind}: {reply.message}", kind="bad_request")
        return reply

    async def aclose(self) -> None:
        """Nothing is open."""


def stored_routes(records: RunRecords) -> Callable[[str], Route]:
    """Return the function that tells that every provider's requests are answered from ``records``."""
    answers = StoredAnswers(records)
    return lambda name: Route(lambda: answers, "replay", cached=False, account=name)
