"""What two lists have in common: items of an answer against those wanted, and retrieved documents against relevant ones."""

from __future__ import annotations

import math
import re
from collections import Counter
from typing import TYPE_CHECKING, ClassVar, Literal

from pydantic import Field, FiniteFloat, model_validator

from evalkit.checks.base import CheckContext, CheckModel
from evalkit.checks.count import example
from evalkit.checks.reading.extract import Extracted, extract_json
from evalkit.checks.reading.text import quoted
from evalkit.model.results import Family

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from evalkit.model.calls import JSON, Reply
    from evalkit.model.results import Verdict

MAX_ITEMS = 10_000

_MARKER = re.compile(r"^\s*(?:[-*+•]|\d{1,9}[.)])\s+")


class Overlap(CheckModel):
    """The answer lists the wanted items: all of them and no others, or as large a share as the limits say.

    The items are those of the JSON list that the answer (or the selected part) is, else its list items or lines, else the pieces between
    commas or semicolons. Case and marks around an item do not count. ``ordered`` counts only items that stand in the wanted order (the
    longest common subsequence). Without limits, precision and recall must both be 1.

    Source: precision, recall and F1 as in van Rijsbergen 1979, "Information Retrieval"; Jaccard 1901.
    """

    name: ClassVar[str] = "overlap"
    family: ClassVar[Family] = "content"
    scored: ClassVar[bool] = True
    short: ClassVar[str | None] = "items"
    example = example(
        {"items": ["red", "green", "blue"], "min_recall": 0.6}, passes="- Red\n- Blue", fails="red, yellow"
    )

    items: list[str] = Field(description="the items wanted", min_length=1, max_length=MAX_ITEMS)
    min_precision: FiniteFloat | None = Field(
        None, description="the least share of the answer's items that are wanted", ge=0, le=1
    )
    min_recall: FiniteFloat | None = Field(
        None, description="the least share of the wanted items that are there", ge=0, le=1
    )
    min_f1: FiniteFloat | None = Field(None, description="the least F1 of both", ge=0, le=1)
    min_jaccard: FiniteFloat | None = Field(None, description="the least share of common items among all", ge=0, le=1)
    ordered: bool = Field(False, description="only items in the wanted order count")

    def judge(self, ctx: CheckContext, replies: Sequence[Reply]) -> Verdict:
        """Compare the items; one that is there twice counts once, unless it is wanted twice."""
        del replies
        found = [_plain(item) for item in listed_items(ctx)[:MAX_ITEMS]]
        wanted = [_plain(item) for item in self.items]
        hits = _in_order(found, wanted) if self.ordered else (Counter(found) & Counter(wanted)).total()
        shares = {
            "precision": hits / len(found) if found else 0.0,
            "recall": hits / len(wanted),
            "F1": 2 * hits / (len(found) + len(wanted)),
            "jaccard": hits / (len(found) + len(wanted) - hits),
        }
        limits = {
            "precision": self.min_precision,
            "recall": self.min_recall,
            "F1": self.min_f1,
            "jaccard": self.min_jaccard,
        }
        if all(limit is None for limit in limits.values()):
            limits = {"precision": 1.0, "recall": 1.0}
        return self._verdict(shares, limits, found, wanted)

    def _verdict(
        self,
        shares: Mapping[str, float],
        limits: Mapping[str, float | None],
        found: Sequence[str],
        wanted: Sequence[str],
    ) -> Verdict:
        counted = {name: limit for name, limit in limits.items() if limit is not None}
        held = all(shares[name] >= limit for name, limit in counted.items())
        figures = ", ".join(f"{name} {shares[name]:.3f} (at least {limit:g})" for name, limit in counted.items())
        missing, extra = [*(Counter(wanted) - Counter(found))], [*(Counter(found) - Counter(wanted))]
        about = f"; missing {_some(missing)}" if missing else ""
        about += f"; not wanted {_some(extra)}" if extra else ""
        return self.verdict(held, f"{figures}{about}", score=shares["F1"])


def listed_items(ctx: CheckContext) -> list[str]:
    """Return the items that an answer lists: of its JSON list, its lines without list markers, or between commas."""
    value: JSON = ctx.value
    if not ctx.selected:
        extracted = extract_json(ctx.text, where="fence")
        value = extracted.value if isinstance(extracted, Extracted) else None
    if isinstance(value, list):
        return [item if isinstance(item, str) else quoted(item) for item in value]
    lines = [line for line in ctx.text.split("\n") if line.strip()]
    marked = [line for line in lines if _MARKER.match(line)]
    if marked or len(lines) > 1:
        return [_MARKER.sub("", line) for line in marked or lines]
    return [piece for piece in re.split(r"[,;]", ctx.text) if piece.strip()]


def _plain(item: str) -> str:
    return " ".join(item.split()).strip(" .,;:!?\"'`*_“”„«»()").casefold()


def _in_order(found: Sequence[str], wanted: Sequence[str]) -> int:
    from rapidfuzz.distance import LCSseq

    return LCSseq.similarity(found, wanted)


def _some(items: Sequence[str]) -> str:
    shown = ", ".join(quoted(item, 40) for item in items[:5])
    return f"{shown} and {len(items) - 5} more" if len(items) > 5 else shown


class RetrievalQuality(CheckModel):
    """The retrieved documents are the relevant ones, and the best come first: precision, recall, MRR and nDCG.

    ``retrieved`` is usually an expression over the case's variables; without it, the ids are those of the JSON list in the answer (texts or
    numbers, or objects with ``key``). ``relevant`` lists ids, or gives each a grade. With ``k`` only the first k count, and precision divides
    by k. An id that is there twice counts where it comes first.

    Source: Manning, Raghavan and Schütze 2008, "Introduction to Information Retrieval", chapter 8; nDCG with the grade as gain and
    the logarithm to base 2 of rank + 1 (Järvelin and Kekäläinen 2002).
    """

    name: ClassVar[str] = "retrieval"
    family: ClassVar[Family] = "content"
    scored: ClassVar[bool] = True
    example = example(
        {"relevant": ["d1", "d7"], "k": 3, "min_recall": 1, "min_mrr": 0.5},
        passes='["d7", "d2", "d1"]',
        fails='["d2", "d3", "d7"]',
    )

    relevant: list[str | int] | dict[str, FiniteFloat] = Field(
        description="the ids of the relevant documents, or a grade for each", min_length=1
    )
    retrieved: list[str | int] | None = Field(None, description="the ids in the order in which they were retrieved")
    key: str = Field("id", description="where an object in the answer has its id")
    k: int | None = Field(None, description="only the first k count", ge=1)
    min_precision: FiniteFloat | None = Field(
        None, description="the least share of the retrieved that is relevant", ge=0, le=1
    )
    min_recall: FiniteFloat | None = Field(
        None, description="the least share of the relevant that was retrieved", ge=0, le=1
    )
    min_mrr: FiniteFloat | None = Field(None, description="the least 1 / rank of the first relevant one", ge=0, le=1)
    min_ndcg: FiniteFloat | None = Field(
        None, description="the least discounted gain, as a share of the best possible", ge=0, le=1
    )

    @model_validator(mode="after")
    def _limited(self) -> RetrievalQuality:
        if all(limit is None for limit in self._limits.values()):
            raise ValueError("needs min_precision, min_recall, min_mrr or min_ndcg")
        if not any(grade > 0 for grade in self._grades.values()):
            raise ValueError("no document is relevant: a grade must be above 0")
        return self

    @property
    def _limits(self) -> dict[Metric, float | None]:
        return {"precision": self.min_precision, "recall": self.min_recall, "mrr": self.min_mrr, "ndcg": self.min_ndcg}

    @property
    def _grades(self) -> dict[str, float]:
        if isinstance(self.relevant, dict):
            return {str(name): grade for name, grade in self.relevant.items() if grade > 0}
        return {str(name): 1.0 for name in self.relevant}

    def judge(self, ctx: CheckContext, replies: Sequence[Reply]) -> Verdict:
        """Rank, measure, compare."""
        del replies
        found = self._found(ctx)
        if found is None:
            return self.verdict("fail", f"expected a JSON list of ids, found {quoted(ctx.text)}")
        measured = retrieval_metrics(found, self._grades, k=self.k)
        counted = {name: limit for name, limit in self._limits.items() if limit is not None}
        held = all(measured[name] >= limit for name, limit in counted.items())
        figures = ", ".join(
            f"{name} {measured[name]:.3f}" + (f" (at least {counted[name]:g})" if name in counted else "")
            for name in measured
        )
        first = next(iter(counted))
        return self.verdict(held, f"{figures}; retrieved {_some(found[: self.k])}", score=measured[first])

    def _found(self, ctx: CheckContext) -> list[str] | None:
        if self.retrieved is not None:
            return [str(item) for item in self.retrieved]
        value: JSON = ctx.value
        if not ctx.selected:
            extracted = extract_json(ctx.text, where="anywhere")
            value = extracted.value if isinstance(extracted, Extracted) else None
        if not isinstance(value, list):
            return None
        return [str(item.get(self.key)) if isinstance(item, dict) else str(item) for item in value]


Metric = Literal["precision", "recall", "mrr", "ndcg"]


def retrieval_metrics(
    retrieved: Sequence[str], grades: Mapping[str, float], *, k: int | None = None
) -> dict[Metric, float]:
    """Return precision, recall, reciprocal rank and nDCG of a ranking; ``grades`` maps each relevant id to its grade above 0."""
    ranked = list(dict.fromkeys(retrieved))[:k]
    gains = [grades.get(name, 0.0) for name in ranked]
    hits = sum(gain > 0 for gain in gains)
    first = next((rank for rank, gain in enumerate(gains, start=1) if gain > 0), None)
    best = sorted(grades.values(), reverse=True)[:k]
    return {
        "precision": hits / (k or len(ranked)) if ranked else 0.0,
        "recall": hits / len(grades),
        "mrr": 1 / first if first else 0.0,
        "ndcg": _discounted(gains) / _discounted(best),
    }


def _discounted(gains: Sequence[float]) -> float:
    return sum(gain / math.log2(rank + 1) for rank, gain in enumerate(gains, start=1))
