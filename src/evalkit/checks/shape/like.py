"""Shape of structured answers, in part: JSON that holds at least what is wanted."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar, Literal

from pydantic import Field, FiniteFloat

from evalkit.checks.count import example
from evalkit.checks.reading.text import quoted
from evalkit.checks.shape.structured import JsonCheck
from evalkit.model.calls import JSON  # noqa: TC001 - pydantic resolves the field

if TYPE_CHECKING:
    from collections.abc import Iterator

    from evalkit.checks.base import CheckContext
    from evalkit.checks.reading.extract import Extracted
    from evalkit.model.results import Verdict

MAX_DIFFERENCES = 5

Lists = Literal["same", "start", "hold"]


class JsonLike(JsonCheck):
    """The answer is JSON that holds at least the given JSON: keys that are not named may have any value.

    Lists: ``same`` length and order (each item again in part); ``start`` with the given items; or ``hold`` each of them, in any order. Types
    are strict: ``"1"``, ``1`` and ``true`` are different, ``1`` and ``1.0`` are not.
    """

    name: ClassVar[str] = "json_like"
    example = example(
        {"value": {"status": "late", "items": [{"sku": "T-1"}]}},
        passes='{"status": "late", "days": 3, "items": [{"sku": "T-1", "price": 3.5}]}',
        fails='{"status": "late", "items": []}',
    )

    value: JSON = Field(description="the JSON that must be there")
    lists: Lists = Field("same", description="how lists are compared")
    within: FiniteFloat = Field(0.0, ge=0, description="how far a number may be from the one wanted")

    def judge_value(self, ctx: CheckContext, found: Extracted) -> Verdict:
        """Name the first differences with their paths."""
        differences: list[str] = []
        for difference in unlike(found.value, self.value, lists=self.lists, within=self.within):
            differences.append(difference)
            if len(differences) > MAX_DIFFERENCES:
                differences[-1] = "…"
                break
        spans = ctx.placed([(found.start, found.end)])
        return self.verdict(not differences, "; ".join(differences) or "it holds what is wanted", spans=spans)


def unlike(found: JSON, wanted: JSON, *, lists: Lists, within: float = 0.0, path: str = "$") -> Iterator[str]:
    """Yield where ``found`` does not hold ``wanted``: the path, what was expected, what was found."""
    if isinstance(wanted, dict) and isinstance(found, dict):
        for key, value in wanted.items():
            if key in found:
                yield from unlike(found[key], value, lists=lists, within=within, path=f"{path}.{key}")
            else:
                yield f"{path}.{key}: expected {quoted(value)}, found no such key"
    elif isinstance(wanted, list) and isinstance(found, list):
        yield from _unlike_lists(found, wanted, lists=lists, within=within, path=path)
    elif not _same(found, wanted, within):
        yield f"{path}: expected {quoted(wanted)}, found {quoted(found)}"


def _unlike_lists(found: list[JSON], wanted: list[JSON], *, lists: Lists, within: float, path: str) -> Iterator[str]:
    if lists == "hold":
        for at in _unmatched(found, wanted, within):
            yield f"{path}: expected an item like {quoted(wanted[at])}, found none (or not as many)"
        return
    if len(found) < len(wanted) or (lists == "same" and len(found) > len(wanted)):
        yield f"{path}: expected {len(wanted)} items, found {len(found)}"
    for at, (have, want) in enumerate(zip(found, wanted, strict=False)):
        yield from unlike(have, want, lists=lists, within=within, path=f"{path}[{at}]")


def _unmatched(found: list[JSON], wanted: list[JSON], within: float) -> list[int]:
    """The wanted items for which no item of their own is left: a matching in a bipartite graph, along augmenting paths."""
    fits = [
        [
            place
            for place, have in enumerate(found)
            if next(unlike(have, want, lists="hold", within=within), None) is None
        ]
        for want in wanted
    ]
    taken: dict[int, int] = {}

    def settle(want: int, tried: set[int]) -> bool:
        for place in fits[want]:
            if place not in tried:
                tried.add(place)
                if place not in taken or settle(taken[place], tried):
                    taken[place] = want
                    return True
        return False

    return [want for want in range(len(wanted)) if not settle(want, set())]


def _same(found: JSON, wanted: JSON, within: float) -> bool:
    if isinstance(found, bool) or isinstance(wanted, bool):
        return found is wanted
    if isinstance(found, int | float) and isinstance(wanted, int | float):
        return abs(found - wanted) <= within
    return type(found) is type(wanted) and found == wanted
