"""From a check as written to a check that judges."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from evalkit.checks.catalog import CHECKS
from evalkit.checks.combine import Group, Not, Part, Select, compile_path
from evalkit.checks.guard import Guarded, is_foreign
from evalkit.checks.params import parse_params
from evalkit.errors import CheckError, ConfigError, EvalkitError, SuiteError, did_you_mean
from evalkit.model.results import Family, Verdict

if TYPE_CHECKING:
    from collections.abc import Sequence

    from evalkit.checks.base import BuildContext, CheckContext, CheckModel
    from evalkit.model.calls import Reply, Request
    from evalkit.model.cases import CheckSpec

COMBINATORS = ("not", "any_of", "all_of")
"""The names that combine other checks; their children are in ``CheckSpec.children``."""

MAX_REASON = 1000
MAX_DETAIL = 10_000


@dataclass(frozen=True, slots=True)
class BuiltCheck:
    """A check ready to judge. ``name`` is how a reader names it (``not contains``); ``check`` does the work."""

    spec: CheckSpec
    name: str
    family: Family
    check: Part | CheckModel

    def followups(self, ctx: CheckContext) -> Sequence[Request]:
        """The requests whose replies :meth:`judge` needs, in order."""
        return self.check.followups(ctx)

    def judge(self, ctx: CheckContext, replies: Sequence[Reply]) -> Verdict:
        """Judge the answer: a CheckError is the verdict ``error``. Anything else that a check raises is the engine's to report."""
        try:
            verdict = self.check.judge(ctx, replies)
        except CheckError as error:
            verdict = self._error(error.message)
        reason = verdict.reason if len(verdict.reason) <= MAX_REASON else f"{verdict.reason[:MAX_REASON]} …"
        return Verdict(  # dataclasses.replace takes four times as long, and every verdict passes here
            check=self.name,
            family=verdict.family,
            status=verdict.status,
            reason=reason,
            score=verdict.score,
            spans=verdict.spans,
            severity=self.spec.severity,
            line=self.spec.where.line,
            detail=verdict.detail[:MAX_DETAIL],
        )

    def _error(self, reason: str) -> Verdict:
        return Verdict(check=self.name, family=self.family, status="error", reason=reason)


def build_check(spec: CheckSpec, context: BuildContext) -> BuiltCheck:
    """Build one check, with its children. Raises SuiteError with ``spec.where`` for anything that is wrong with it."""
    check = _combinator(spec, context) if spec.name in COMBINATORS else _single(spec, context)
    if spec.select is not None:
        inner = BuiltCheck(spec=spec, name=check.name, family=check.family, check=check)
        check = Select(inner, compile_path(spec.select, spec.where), spec.select)
    return BuiltCheck(spec=spec, name=check.name, family=check.family, check=check)


def _combinator(spec: CheckSpec, context: BuildContext) -> Part:
    children = tuple(build_check(child, context) for child in spec.children)
    if not children:
        raise SuiteError(f"{spec.name} holds no check", hint=f"for example: {_EXAMPLES[spec.name]}", where=spec.where)
    if spec.name == "not":
        if len(children) > 1:
            raise SuiteError(
                f"not takes one check, found {len(children)}",
                hint="not: {any_of: [...]} refuses several",
                where=spec.where,
            )
        return Not(children[0])
    return Group("any_of" if spec.name == "any_of" else "all_of", children)


_EXAMPLES = {
    "not": "not: {contains: sorry}",
    "any_of": "any_of: [{contains: yes}, {contains: no}]",
    "all_of": "all_of: [json, {contains: total}]",
}


def _single(spec: CheckSpec, context: BuildContext) -> CheckModel | Guarded:
    try:
        cls = CHECKS.get(spec.name)
    except ConfigError as error:
        hint = did_you_mean(spec.name, [*CHECKS, *COMBINATORS])
        raise SuiteError(f"no check named {spec.name!r}", hint=hint, where=spec.where) from error
    if spec.children:
        raise SuiteError(
            f"{spec.name} takes no checks inside", hint="only not, any_of and all_of hold checks", where=spec.where
        )
    check = parse_params(cls, spec)
    try:
        ready = check.prepare(context)
        return Guarded(ready, context.limit) if is_foreign(cls) else ready
    except SuiteError as error:
        raise SuiteError(f"{spec.name}: {error.message}", hint=error.hint, where=error.where or spec.where) from error
    except EvalkitError as error:
        error.where = error.where or spec.where
        raise SuiteError(f"{spec.name}: {error.message}", hint=error.hint, where=error.where) from error
