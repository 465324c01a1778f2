"""Checks made of checks: ``not``, ``any_of``, ``all_of``, and ``select``, which judges a part of a JSON answer."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass, replace
from functools import partial
from typing import TYPE_CHECKING, Any, Literal, Protocol

from evalkit.checks.reading.extract import NotJson, extract_json
from evalkit.checks.reading.text import quoted
from evalkit.errors import CheckError, SuiteError
from evalkit.model.results import Family, Status, Verdict

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from jsonpath import CompoundJSONPath, JSONPath

    from evalkit.checks.base import CheckContext
    from evalkit.errors import Where
    from evalkit.model.calls import JSON, Reply, Request

MAX_MATCHES = 1000


class Part(Protocol):
    """A check that can be combined: it has a name and a family."""

    @property
    def name(self) -> str:
        """As a reader names it."""
        ...

    @property
    def family(self) -> Family:
        """The family its verdicts count in."""
        ...

    def followups(self, ctx: CheckContext) -> Sequence[Request]:
        """Requests whose replies the judgement needs."""
        ...

    def judge(self, ctx: CheckContext, replies: Sequence[Reply]) -> Verdict:
        """Judge the answer."""
        ...


@dataclass(frozen=True, slots=True)
class Not:
    """Passes when its child fails, fails when it passes; what could not be judged stays ``error``."""

    child: Part

    @property
    def name(self) -> str:
        """``not`` and the child's name."""
        return f"not {self.child.name}"

    @property
    def family(self) -> Family:
        """The child's."""
        return self.child.family

    def followups(self, ctx: CheckContext) -> Sequence[Request]:
        """What the child asks for."""
        return self.child.followups(ctx)

    def judge(self, ctx: CheckContext, replies: Sequence[Reply]) -> Verdict:
        """Turn the child's verdict round."""
        verdict = self.child.judge(ctx, replies)
        if verdict.status == "pass":
            return replace(verdict, check=self.name, status="fail", reason=f"must not hold, but does: {verdict.reason}")
        if verdict.status == "fail":
            reason = f"does not hold, as wanted: {verdict.reason}"
            return replace(verdict, check=self.name, status="pass", reason=reason, spans=())
        return replace(verdict, check=self.name)


@dataclass(frozen=True, slots=True)
class Group:
    """``all_of`` passes when every child passes, ``any_of`` when at least one does.

    Like ``and`` and ``or`` of three values: an ``error`` counts only if the other children do not decide. The family is that
    of the first child.
    """

    kind: Literal["any_of", "all_of"]
    children: tuple[Part, ...]

    @property
    def name(self) -> str:
        """``any_of(contains, regex)``."""
        return f"{self.kind}({', '.join(child.name for child in self.children)})"

    @property
    def family(self) -> Family:
        """The first child's."""
        return self.children[0].family

    def followups(self, ctx: CheckContext) -> Sequence[Request]:
        """What the children ask for, one after the other."""
        asked = [_asked(child, ctx) for child in self.children]
        return [request for requests in asked if not isinstance(requests, Verdict) for request in requests]

    def judge(self, ctx: CheckContext, replies: Sequence[Reply]) -> Verdict:
        """Judge every child on its share of the replies and combine."""
        verdicts: list[Verdict] = []
        start = 0
        for child in self.children:
            asked = _asked(child, ctx)
            if isinstance(asked, Verdict):
                verdicts.append(asked)
                continue
            end = start + len(asked)
            verdicts.append(child.judge(ctx, replies[start:end]))
            start = end
        return combined(verdicts, self.kind, name=self.name, family=self.family)


def _asked(child: Part, ctx: CheckContext) -> Sequence[Request] | Verdict:
    """What a child asks for, or its verdict if it cannot even say that: the other children may still decide."""
    try:
        return child.followups(ctx)
    except CheckError as error:
        return Verdict(check=child.name, family=child.family, status="error", reason=error.message)


def combined(verdicts: Sequence[Verdict], kind: Literal["any_of", "all_of"], *, name: str, family: Family) -> Verdict:
    """One verdict for several, under three-valued ``and`` (``all_of``) or ``or`` (``any_of``)."""
    order: tuple[Status, ...] = (
        ("fail", "error", "pass", "skip") if kind == "all_of" else ("pass", "error", "fail", "skip")
    )
    status = next(status for status in order if any(verdict.status == status for verdict in verdicts))
    telling = [verdict for verdict in verdicts if verdict.status == status]
    return Verdict(
        check=name,
        family=family,
        status=status,
        reason="; ".join(f"{verdict.check}: {verdict.reason}" for verdict in telling[:5]),
        spans=tuple(span for verdict in telling for span in verdict.spans),
    )


@dataclass(frozen=True, slots=True)
class Select:
    """Applies its child to what a JSONPath (RFC 9535) takes out of the answer's JSON.

    No JSON or no match: fail. A path that can match several values (``$.items[*].price``): the child must hold for every match.
    A text is judged as it is, anything else as its compact JSON text and, for checks that look at it, as the value.
    """

    child: Part
    path: JSONPath | CompoundJSONPath
    shown: str

    @property
    def name(self) -> str:
        """The child's name."""
        return self.child.name

    @property
    def family(self) -> Family:
        """The child's."""
        return self.child.family

    def followups(self, ctx: CheckContext) -> Sequence[Request]:
        """What the child asks for, for each match."""
        parts = self._parts(ctx)
        return [] if isinstance(parts, str) else [ask for part in parts for ask in self.child.followups(part)]

    def judge(self, ctx: CheckContext, replies: Sequence[Reply]) -> Verdict:
        """Judge every match."""
        parts = self._parts(ctx)
        if isinstance(parts, str):
            return Verdict(check=self.name, family=self.family, status="fail", reason=parts)
        verdicts: list[Verdict] = []
        start = 0
        for part in parts:
            end = start + len(self.child.followups(part))
            verdicts.append(self.child.judge(part, replies[start:end]))
            start = end
        if len(verdicts) == 1:
            return replace(verdicts[0], reason=f"{self.shown}: {verdicts[0].reason}")
        whole = combined(verdicts, "all_of", name=self.name, family=self.family)
        bad = sum(verdict.status != "pass" for verdict in verdicts)
        counted = f"{bad} of {len(verdicts)} matches do not hold" if bad else f"all {len(verdicts)} matches hold"
        return replace(whole, reason=f"{self.shown}: {counted}: {whole.reason}")

    def _parts(self, ctx: CheckContext) -> list[CheckContext] | str:
        value = ctx.value
        if not ctx.selected:
            extracted = extract_json(ctx.text, where="anywhere")
            if isinstance(extracted, NotJson):
                return f"select {self.shown}: the answer holds no JSON: {extracted.reason}"
            value = extracted.value
        # python-jsonpath takes a str for JSON source text and parses it, so only containers are given to it.
        matches: list[Any] = self.path.findall(value) if isinstance(value, dict | list) else []
        if not matches:
            return f"select {self.shown} matched nothing in {quoted(value)}"
        if len(matches) > MAX_MATCHES:
            raise CheckError(f"select {self.shown} matched {len(matches):,} values; the limit is {MAX_MATCHES:,}")
        return [_narrowed(ctx, match, partial(self._same_part, ctx, index)) for index, match in enumerate(matches)]

    def _same_part(self, ctx: CheckContext, index: int, text: str) -> str | None:
        """The ``index``-th match in the text of another answer, or None if it has none."""
        outer = ctx.narrow(text)
        found = NotJson("no such part") if outer is None else extract_json(outer, where="anywhere")
        value = None if isinstance(found, NotJson) else found.value
        matches: list[Any] = self.path.findall(value) if isinstance(value, dict | list) else []
        return _as_text(matches[index]) if index < len(matches) else None


def _as_text(value: JSON) -> str:
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def _narrowed(ctx: CheckContext, value: JSON, narrow: Callable[[str], str | None]) -> CheckContext:
    text = _as_text(value)
    offset = None
    if ctx.offset is not None and text and ctx.text.count(text) == 1:
        offset = ctx.offset + ctx.text.index(text)
    return replace(ctx, text=text, value=value, selected=True, offset=offset, narrow=narrow)


def compile_path(path: str, where: Where) -> JSONPath | CompoundJSONPath:
    """Compile a JSONPath. Raises SuiteError if it is not one, or if it holds a regular expression (those have no timeout)."""
    import jsonpath

    if re.search(r"\b(?:search|match)\s*\(", path):
        raise SuiteError(
            f"select: {path!r} uses search() or match()", hint="select the value and apply the check regex", where=where
        )
    try:
        return jsonpath.compile(path, strict=True)
    except jsonpath.JSONPathError as error:
        raise SuiteError(
            f"select: {path!r} is not a JSONPath: {error.args[0] if error.args else error}",
            hint="for example $.amount, $.items[0].name or $.items[*].price",
            where=where,
        ) from error
