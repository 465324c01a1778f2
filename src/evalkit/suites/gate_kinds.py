"""Gates written as ``{kind: no_worse_than, metric: pass_rate, …}``, turned into the form that has the kind as its name."""

from __future__ import annotations

from typing import TYPE_CHECKING

from evalkit.errors import SuiteError, did_you_mean
from evalkit.model.nodes import Node

if TYPE_CHECKING:
    from collections.abc import Collection

KINDS = ("no_worse_than", "no_regression", "better_than", "at_least", "must_pass")
BOTH = " & "
"""Between two slices: what belongs to both."""


def as_named(item: Node, *, metrics: Collection[str]) -> list[Node]:
    """The gates that a mapping with the key ``kind`` is short for: one, or one for each of its ``tags``.

    ``baseline`` is ``against``; a ``metric`` that is none of ``metrics`` names a check or a family (``safety``, ``safety.*``), and so, with
    ``tags`` and ``slice``, what the gate is about. Raises SuiteError for a kind that there is not, or for one thing said twice.
    """
    body = dict(item.value)
    kind = body.pop("kind")
    if kind.value not in KINDS:
        hint = f"{did_you_mean(str(kind.value)[:80], KINDS)}; a budget is written p95(latency_s) <= 4"
        raise SuiteError(f"no gate is of the kind {str(kind.value)[:80]!r}", hint=hint)
    if "baseline" in body:
        if "against" in body:
            raise SuiteError("baseline and against say the same", hint="keep one of them")
        body["against"] = body.pop("baseline")
    parts = [body.pop("slice")] if "slice" in body else []
    metric = body.get("metric")
    named = metric is not None and isinstance(metric.value, str) and metric.value not in metrics
    if metric is not None and named and not metric.value.startswith("score("):
        parts.append(Node(metric.value.removesuffix(".*"), metric.line))
        del body["metric"]
    elif metric is not None and metric.value == "pass_rate":
        del body["metric"]
    return [_named(str(kind.value), body, [*parts, *tag], item.line) for tag in _tags(body.pop("tags", None))]


def _tags(node: Node | None) -> list[list[Node]]:
    if node is None:
        return [[]]
    values = node.value if isinstance(node.value, list) else [node]
    if not values or not all(isinstance(one.value, str) for one in values):
        raise SuiteError(f"tags: {node.kind}", hint="write tags: [critical]")
    return [[Node(f"tag:{one.value}", one.line)] for one in values]


def _named(kind: str, body: dict[str, Node], parts: list[Node], line: int) -> Node:
    if parts:
        body = {**body, "slice": Node(BOTH.join(str(part.value) for part in parts), parts[0].line)}
    if kind == "must_pass" and not parts:
        return Node({"gate": Node("pass_rate == 1", line), **body}, line)
    return Node({kind: Node(body, line)}, line)
