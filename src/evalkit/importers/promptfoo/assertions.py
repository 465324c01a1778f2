"""The assertions of a configuration as checks: each kind in one line of a table, and what is only nearly the same is said.

Source of the kinds and of their default thresholds: promptfoo 0.123, ``src/assertions``, as described in its documentation.
"""

from __future__ import annotations

import csv
import json
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from evalkit.importers.notes import UnportableError
from evalkit.importers.promptfoo.config import as_text, entries, is_program, items
from evalkit.importers.promptfoo.expressions import from_javascript, from_python, regex, select_of
from evalkit.importers.promptfoo.models import reference_of
from evalkit.importers.promptfoo.template import to_jinja

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from evalkit.errors import Where
    from evalkit.importers.promptfoo.config import Source
    from evalkit.importers.promptfoo.expressions import Check
    from evalkit.model.calls import JSON
    from evalkit.model.nodes import Node

_KEYS = {"type", "value", "threshold", "weight", "metric", "transform", "provider", "rubricPrompt", "assert", "$ref"}


@dataclass(frozen=True, slots=True)
class Graders:
    """Who judges: the model that the configuration names for it, or else the one that the user named; None if neither did."""

    judge: str | None = None
    embedding: str | None = None


@dataclass(frozen=True, slots=True)
class Assertion:
    """One assertion: its ``kind`` without ``not-``, its value as promptfoo would read it, and its threshold (None if it has none)."""

    kind: str
    value: JSON
    threshold: float | None
    graders: Graders

    @property
    def text(self) -> str:
        """The value as text, its template as an expression of evalkit. Raises UnportableError."""
        if self.value is None:
            raise UnportableError("it has no value")
        return to_jinja(self.value if isinstance(self.value, str) else json.dumps(self.value, ensure_ascii=False))

    @property
    def texts(self) -> list[JSON]:
        """The value as a list of texts; one text is split at its commas, as promptfoo does. Raises UnportableError."""
        value = self.value
        if isinstance(value, str):
            value = [one.strip() for one in next(csv.reader([value], skipinitialspace=True), [])]
        if not isinstance(value, list) or not value:
            raise UnportableError("it has no list of texts")
        return [to_jinja(one if isinstance(one, str) else json.dumps(one)) for one in value]

    @property
    def asked(self) -> JSON:
        """The value as what a judge is asked: a list of criteria stays one. Raises UnportableError."""
        return self.texts if isinstance(self.value, list) else self.text

    def least(self, default: float) -> float:
        """The threshold, or the kind's own."""
        return default if self.threshold is None else self.threshold

    def judged(self, name: str, **params: JSON) -> Check:
        """A check by a judge. Raises UnportableError if there is none."""
        if self.graders.judge is None:
            raise UnportableError("it needs a judge and the configuration names none: --judge provider/model")
        return {name: {**params, "model": self.graders.judge}}


def _most(kind: str, unit: float) -> Callable[[Assertion], Check]:
    def check(one: Assertion) -> Check:
        if one.threshold is None:
            raise UnportableError("it has no threshold")
        return {kind: one.threshold * unit}

    return check


def _equals(one: Assertion) -> Check:
    return {"equals": {"json": one.value}} if isinstance(one.value, (dict, list)) else {"equals": one.text}


def _json(where: str) -> Callable[[Assertion], Check]:
    def check(one: Assertion) -> Check:
        value = one.value
        if isinstance(value, str):
            value = _parsed(value)
        if value is None:
            return {"json": where}
        return {"json_schema": {"schema": value, "where": where}}

    return check


def _parsed(text: str) -> JSON:
    from evalkit.errors import EvalkitError
    from evalkit.yamlfile import parse_yaml

    try:
        value = parse_yaml(text, name="schema").plain()
    except EvalkitError as error:
        raise UnportableError(f"its schema cannot be read: {error.message}") from error
    if not isinstance(value, dict):
        raise UnportableError("its schema is none")
    return value


def _words(one: Assertion) -> Check:
    value = one.value
    if isinstance(value, str) and value.strip().isdecimal():
        value = int(value)
    if isinstance(value, bool) or not isinstance(value, (int, dict)):
        raise UnportableError("it has no number of words")
    return {"length": {"words": value}}


def _code(read: Callable[[str], Check]) -> Callable[[Assertion], Check]:
    def check(one: Assertion) -> Check:
        if one.threshold is not None or not isinstance(one.value, str):
            raise UnportableError("it is a program with a score: write it as a check in Python (docs/python.md)")
        return read(one.value)

    return check


def _always(name: str, value: JSON) -> Callable[[Assertion], Check]:
    return lambda _: {name: value}


def _likeness(name: str, default: float, **more: JSON) -> Callable[[Assertion], Check]:
    return lambda one: {name: {"to": one.text, "min": one.least(default), **more}}


def _similar(one: Assertion) -> Check:
    more: Check = {"model": one.graders.embedding} if one.graders.embedding else {}
    return {"embedding_similarity": {"to": one.text, "min": one.least(0.75), **more}}


KINDS: Mapping[str, Callable[[Assertion], Check]] = {
    "equals": _equals,
    "contains": lambda one: {"contains": one.text},
    "icontains": lambda one: {"contains": {"value": one.text, "ignore_case": True}},
    "contains-any": lambda one: {"contains": {"any": one.texts}},
    "icontains-any": lambda one: {"contains": {"any": one.texts, "ignore_case": True}},
    "contains-all": lambda one: {"contains": {"all": one.texts}},
    "icontains-all": lambda one: {"contains": {"all": one.texts, "ignore_case": True}},
    "starts-with": lambda one: {"starts_with": one.text},
    "regex": lambda one: regex(one.text),
    "word-count": _words,
    "is-json": _json("whole"),
    "contains-json": _json("anywhere"),
    "is-xml": _always("xml", {"where": "whole"}),
    "contains-xml": _always("xml", {"where": "blocks"}),
    "is-html": _always("html", {"where": "whole"}),
    "is-sql": _always("sql", {"where": "whole"}),
    "is-refusal": _always("refusal", "expected"),
    "finish-reason": lambda one: {"finish": one.text},
    "cost": _most("cost_usd", 1.0),
    "latency": _most("latency_s", 0.001),
    "javascript": _code(from_javascript),
    "python": _code(from_python),
    "similar": _similar,
    "similar:cosine": _similar,
    "rouge-n": _likeness("rouge", 0.75, kind="1"),
    "bleu": _likeness("bleu", 0.5),
    "moderation": _always("moderation", "openai/omni-moderation-latest"),
    "llm-rubric": lambda one: one.judged("rubric", ask=one.text),
    "model-graded-closedqa": lambda one: one.judged("rubric", ask=one.text),
    "g-eval": lambda one: one.judged("criteria" if isinstance(one.value, list) else "rubric", ask=one.asked),
    "factuality": lambda one: one.judged("factual", to=one.text),
    "model-graded-factuality": lambda one: one.judged("factual", to=one.text),
    "answer-relevance": lambda one: one.judged("relevant"),
    "context-faithfulness": lambda one: one.judged("faithful", to="{{ vars.context }}", min=one.least(0.5)),
}
"""What each kind of assertion becomes."""
_NEARLY = {
    "g-eval": "a yes or no instead of a score above a threshold",
    "answer-relevance": "a judge's yes or no instead of the similarity of questions",
    "llm-rubric": "asked with evalkit's prompt",
    "model-graded-closedqa": "asked with evalkit's prompt",
    "factuality": "asked with evalkit's prompt",
    "model-graded-factuality": "asked with evalkit's prompt",
    "context-faithfulness": "asked with evalkit's prompt",
    "rouge-n": "ROUGE-1",
    "regex": "a JavaScript pattern, read as a Python one",
    "is-refusal": "evalkit's own phrases",
}


def read_checks(source: Source, node: Node | None, graders: Graders) -> list[JSON]:
    """The checks of a list of assertions; what cannot be said is noted and left out."""
    found: list[JSON] = []
    for item in items(node):
        try:
            found.append(_check(source, source.resolved(item), graders))
        except UnportableError as why:
            known = entries(item)
            kind = str(known["type"].value)[:60] if "type" in known else "an assertion"
            source.notes.left_out(source.where(item), f"{kind}: {why}")
    return found


def _check(source: Source, node: Node, graders: Graders) -> Check:
    known = entries(node)
    where = source.where(node)
    kind = str(known["type"].value) if "type" in known else ""
    if kind == "assert-set":
        return _set(source, known, graders)
    negated, base = (True, kind[4:]) if kind.startswith("not-") else (False, kind)
    if base not in KINDS:
        raise UnportableError("evalkit has no such check")
    for key in known.keys() - _KEYS:
        source.notes.left_out(where, f"{key[:40]} of {kind}")
    one = Assertion(base, _value(source, known.get("value")), _number(known.get("threshold")), _graders(known, graders))
    check: Check = KINDS[base](one)
    if base in _NEARLY:
        source.notes.changed(where, f"{kind}: {_NEARLY[base]}")
    if negated and base == "is-refusal":
        return {"refusal": "never"}
    check = _selected(check, known.get("transform"))
    return _weighed(source, where, {"not": check} if negated else check, known)


def _value(source: Source, node: Node | None) -> JSON:
    """The value of an assertion; that of a file is what the file holds. Raises UnportableError."""
    if node is None:
        return None
    if isinstance(node.value, str) and node.value.startswith("file://"):
        if is_program(node.value):
            raise UnportableError("it is a program: write it as a check in Python (docs/python.md)")
        path = source.files(node.value, node)[0]
        return (
            source.data(path).root.plain() if path.suffix in {".json", ".yaml", ".yml"} else source.text(path).strip()
        )
    return node.plain()


def _number(node: Node | None) -> float | None:
    return float(node.value) if node is not None and isinstance(node.value, (int, float)) else None


def _graders(known: Mapping[str, Node], graders: Graders) -> Graders:
    node = known.get("provider")
    return graders if node is None else graders_of(node, graders)


def graders_of(node: Node, graders: Graders) -> Graders:
    """The graders that ``provider:`` of an assertion or of ``options`` names, on top of others. Raises UnportableError."""
    named = entries(node)
    if named.keys() & {"text", "embedding"}:
        text, embedding = named.get("text"), named.get("embedding")
        return Graders(
            reference_of(_id(text)) if text else graders.judge,
            reference_of(_id(embedding)) if embedding else graders.embedding,
        )
    return Graders(reference_of(_id(node)), graders.embedding)


def _id(node: Node) -> str:
    known = entries(node)
    return str(known["id"].value) if "id" in known else as_text(node)


def _set(source: Source, known: Mapping[str, Node], graders: Graders) -> Check:
    """An ``assert-set``: all of its assertions, or one of them if the threshold asks for no more."""
    listed = [source.resolved(item) for item in items(known.get("assert"))]
    if any("assert" in entries(item) for item in listed):
        raise UnportableError("a set in a set, which promptfoo refuses too")
    checks: list[JSON] = [_check(source, item, graders) for item in listed]
    threshold = _number(known.get("threshold"))
    if not checks:
        raise UnportableError("it is empty")
    if threshold is None or threshold >= 1:
        return {"all_of": checks}
    if threshold * len(checks) <= 1:
        return {"any_of": checks}
    raise UnportableError(f"{threshold:g} of a set of {len(checks)}: a part of a set is no check of evalkit")


def _selected(check: Check, node: Node | None) -> Check:
    """The check of the part of the answer that a transform takes out of it. Raises UnportableError."""
    if node is None:
        return check
    path = select_of(str(node.value))
    if path is None:
        raise UnportableError("its transform is a program: take the part out with select: $.path")
    return {**check, "select": path}


_NUMBER = re.compile(r"-?(0|[1-9][0-9]{0,14})(\.[0-9]{1,15})?\Z|true\Z|false\Z")
_OF_THE_CALL = frozenset({"cost_usd", "latency_s", "finish"})


def of_part(check: JSON, path: str) -> JSON:
    """The check of what ``path`` takes out of the answer; one that is about the call and not the answer stays as it is."""
    if not isinstance(check, dict) or path == "$" or _OF_THE_CALL & check.keys():
        return check
    for name in ("all_of", "any_of", "not"):
        inner = check.get(name)
        if name in check:
            return {
                **check,
                name: [of_part(one, path) for one in inner] if isinstance(inner, list) else of_part(inner, path),
            }
    for name, params in check.items():
        if isinstance(params, dict) and "select" in params:
            return {**check, name: {**params, "select": f"{path}{str(params['select'])[1:]}"}}
    if isinstance(check.get("equals"), str) and _NUMBER.match(str(check["equals"])):
        check = {**check, "equals": {"json": json.loads(str(check["equals"]))}}  # promptfoo compares 3 and "3" as texts
    return {**check, "select": f"{path}{str(check.get('select', '$'))[1:]}"}


def _weighed(source: Source, where: Where, check: Check, known: Mapping[str, Node]) -> Check:
    """``weight: 0`` measures without failing; every other weight is left out, because every check must pass."""
    weight = _number(known.get("weight"))
    if "metric" in known:
        source.notes.changed(where, "metric: a check is named by its kind in evalkit")
    if weight == 0:
        return {**check, "severity": "warn"}
    if weight is not None and weight != 1:
        source.notes.changed(where, f"weight {weight:g}: every check must pass, none counts more")
    return check
