"""Equal parts of a run's records as one object: a case of three variants and four repeats is read twelve times and kept once."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

    from evalkit.model.calls import Call, Message, Request
    from evalkit.model.cases import Case, Trial, Variant
    from evalkit.model.results import Verdict

_VERDICTS = 4096
"""Different verdicts to remember. Most are one of a few (``forbidden word not found``); those that name a case are like no other."""


class Sharing:
    """What was read so far. ``known`` are trials that are in memory anyway: whatever equals a part of them costs nothing."""

    def __init__(self, known: Iterable[Trial] = ()) -> None:
        self._requests: dict[str, Request] = {}
        self._messages: dict[Message, Message] = {}
        self._cases: dict[tuple[str, str], Case] = {}
        self._variants: dict[tuple[str, str], Variant] = {}
        self._texts: dict[str, str] = {}
        self._verdicts: dict[Verdict, Verdict] = {}
        for trial in known:
            self._requests[trial.request.key] = trial.request
            self.case(trial.suite_path, trial.case)
            self.variant(trial.suite_path, trial.variant)

    def call(self, call: Call, key: str) -> Call:
        """Return ``call``, which was made under ``key``, with that key on its request."""
        known = self._requests.get(key)
        if known is not None and known == call.request:
            return replace(call, request=known)
        messages = tuple(map(self._message, call.request.messages))
        return replace(call, request=replace(call.request, messages=messages).asked_as(key))

    def case(self, suite_path: str, case: Case) -> Case:
        """Return the first case that equals ``case``."""
        known = self._cases.setdefault((suite_path, case.id), case)
        return known if known == case else case

    def variant(self, suite_path: str, variant: Variant) -> Variant:
        """Return the first variant that equals ``variant``."""
        known = self._variants.setdefault((suite_path, variant.label), variant)
        return known if known == variant else variant

    def verdicts(self, verdicts: tuple[Verdict, ...]) -> tuple[Verdict, ...]:
        """Return equal verdicts, as the same objects where they are frequent."""
        if len(self._verdicts) < _VERDICTS:
            return tuple(self._verdicts.setdefault(verdict, verdict) for verdict in verdicts)
        return tuple(self._verdicts.get(verdict, verdict) for verdict in verdicts)

    def text(self, text: str) -> str:
        """Return the first text that equals ``text``."""
        return self._texts.setdefault(text, text)

    def _message(self, message: Message) -> Message:
        return message if message.tool_calls else self._messages.setdefault(message, message)
