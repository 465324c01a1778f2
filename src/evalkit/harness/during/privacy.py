"""What is taken out of what a run stores: personal data, as suites and the project ask for with ``redact:``. Checks see the original."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from evalkit.harness.before.planning import SuitePlan
    from evalkit.model.cases import PersonalKind, PlannedTest

    Kinds = frozenset[PersonalKind]

_PLACES = frozenset({
    *("call", "request", "messages", "tool_calls", "reply", "attempts"),
    *("trial", "case", "checks", "children", "verdicts"),
})
"""Where the text of people and models is further down in a record."""

_CONTENT = frozenset({
    "content",
    "arguments",
    "text",
    "refusal",
    "message",
    "vars",
    "expect",
    "params",
    "reason",
    "detail",
})
"""Their text itself. Names, ids, tags, keys and numbers of evalkit's own are not: a run must still add up."""


class Privacy:
    """Which kinds of personal data are taken out of the records of which request. ``everywhere`` holds for every request."""

    def __init__(self, everywhere: Iterable[PersonalKind] = ()) -> None:
        self._everywhere: Kinds = frozenset(everywhere)
        self._most: Kinds = self._everywhere
        self._of: dict[str, Kinds] = {}

    def plan(self, plans: Iterable[SuitePlan]) -> None:
        """Take in what suites ask for. A request of two suites is stored as both want; what nobody planned (a judge's question) as all want."""
        plans = tuple(plans)
        wishes = [frozenset(plan.spec.redact) | self._everywhere for plan in plans]
        self._most = frozenset().union(self._everywhere, *wishes)
        if any(wish != self._most for wish in wishes):
            for plan, wish in zip(plans, wishes, strict=True):
                for key in _keys(plan.tests):
                    self._of[key] = self._of.get(key, frozenset()) | wish

    def hide(self, key: str, record: dict[str, Any]) -> dict[str, Any]:
        """Return the plain JSON of a call or result of the request ``key`` as it may be stored; the same object if nothing is asked for."""
        kinds = self._of.get(key, self._most)
        return _walk(record, kinds) if kinds else record

    def text(self, key: str, text: str) -> str:
        """Return a text about the request ``key`` as it may be shown where it is kept: in a log, in JUnit."""
        kinds = self._of.get(key, self._most)
        return _masked(text, kinds) if kinds else text


def _keys(tests: Iterable[PlannedTest]) -> Iterable[str]:
    return (request.key for test in tests for trial in test.trials for request in (trial.request, *trial.fallbacks))


def _walk(value: Any, kinds: Kinds) -> Any:  # noqa: ANN401 - plain JSON
    if isinstance(value, (list, tuple)):
        return [_walk(item, kinds) for item in value]
    if not isinstance(value, dict):
        return value
    return {name: _field(name, item, kinds) for name, item in value.items()}


def _field(name: str, item: Any, kinds: Kinds) -> Any:  # noqa: ANN401 - plain JSON
    if name in _CONTENT:
        return _masked_all(item, kinds)
    if name == "spans":
        return []  # they point into the text as it was
    return _walk(item, kinds) if name in _PLACES else item


def _masked_all(value: Any, kinds: Kinds) -> Any:  # noqa: ANN401 - plain JSON
    if isinstance(value, str):
        return _masked(value, kinds)
    if isinstance(value, dict):
        items: Mapping[str, Any] = value
        return {_masked(name, kinds): _masked_all(item, kinds) for name, item in items.items()}
    if isinstance(value, (list, tuple)):
        return [_masked_all(item, kinds) for item in value]
    if isinstance(value, int) and not isinstance(value, bool):
        shown = _masked(str(value), kinds)  # a card's number may be written as one
        return value if shown == str(value) else shown
    return value


def _masked(text: str, kinds: Kinds) -> str:
    from evalkit.checks.safety.pii import without_personal

    return without_personal(text, kinds)
