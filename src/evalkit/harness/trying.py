"""One check on one text, outside any suite: for the command that tries a check before it goes into one."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from evalkit.checks.base import CheckContext
from evalkit.checks.catalog import CHECKS
from evalkit.engine.call import Caller
from evalkit.engine.loop import BackgroundLoop
from evalkit.engine.ports import NoLedger
from evalkit.engine.trial import Answered, Asked, judge
from evalkit.errors import CheckError, ConfigError, EvalkitError, SuiteError, Where
from evalkit.harness.before.planning import Planner
from evalkit.harness.during.routes import make_policy, make_pricing, make_routes
from evalkit.model.calls import Call, Message, Request, Response
from evalkit.model.cases import Case, Trial, Variant
from evalkit.model.nodes import Node
from evalkit.prompts.expressions import Expressions
from evalkit.suites.checkspecs import CheckReader, resolved, scope_of
from evalkit.suites.reading import Reader
from evalkit.yamlfile import parse_yaml

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from evalkit.checks.build import BuiltCheck
    from evalkit.config import Config
    from evalkit.model.calls import JSON
    from evalkit.model.cases import CheckSpec
    from evalkit.model.results import Verdict

_PLACE = "CHECK"
"""What errors call the text of the check: the name of the argument."""
_GRACE_S = 5.0


def try_check(
    config: Config,
    written: str,
    read: Callable[[], str],
    *,
    vars: Mapping[str, JSON],  # noqa: A002 - the word that suites use
    expect: Mapping[str, JSON],
    live: bool,
) -> tuple[str, Verdict]:
    """Judge the answer that ``read`` gives with the check that is ``written`` as in a suite (``contains: hello``). Returns answer and verdict.

    A check that asks a model does so only if ``live``, without cache or journal. Raises SuiteError for a check that is wrong, before the
    answer is read, and ConfigError if it would have to ask and may not.
    """
    planner = Planner(config)
    check = _built(planner, written, vars, expect)
    case = Case("text", vars, Where(_PLACE), expect)
    answer = read()
    request = Request("none/none", (Message("user", ""),))
    trial = Trial("check", _PLACE, case, Variant("text", "text", "", "", "", request.model), 0, request)
    call = Call(request, Response(answer), "scripted")
    asked = _asked(check, trial, answer, config, live=live)
    (verdict,) = judge(Answered(trial, call, (asked,)), (check,)).verdicts
    return answer, verdict


def _built(planner: Planner, written: str, variables: Mapping[str, JSON], expect: Mapping[str, JSON]) -> BuiltCheck:
    try:
        return planner.build(_read(written, variables, expect))
    except EvalkitError as error:
        found = error.complaints if isinstance(error, SuiteError) and error.complaints else (error,)
        if "\n" in written.strip() or any(one.where is None or one.where.path != _PLACE for one in found):
            raise
        raise _without_lines(found) from error


def _without_lines(found: Sequence[EvalkitError]) -> SuiteError:
    """What is wrong with a check of one line, where the number of the line says nothing."""
    return SuiteError.of(SuiteError(one.message, hint=one.hint, where=Where(_PLACE)) for one in found)


def _read(written: str, variables: Mapping[str, JSON], expect: Mapping[str, JSON]) -> CheckSpec:
    reader = Reader(_PLACE)
    node = parse_yaml(written, name=_PLACE, aliases=False)
    specs = CheckReader(CHECKS.names()).read_all(Node([node], node.line), reader)
    reader.complaints.raise_any()
    if len(specs) != 1:
        raise SuiteError("there is no check", hint='for example: "contains: hello"', where=Where(_PLACE))
    return resolved(specs[0], Expressions(), scope_of(variables, expect))


def _asked(check: BuiltCheck, trial: Trial, answer: str, config: Config, *, live: bool) -> Asked:
    context = CheckContext(answer, Response(answer), trial.request, vars=trial.case.vars, expect=trial.case.expect)
    try:
        questions = tuple(check.followups(context))
    except CheckError as error:
        return Asked(problem=error.message)
    if questions and not live:
        models = ", ".join(sorted({question.model for question in questions}))
        raise ConfigError(f"{check.name} asks {models} (calls: {len(questions)})", hint="--live asks, and pays for it")
    return Asked(_settled(questions, config) if questions else ())


def _settled(questions: Sequence[Request], config: Config) -> tuple[Call, ...]:
    loop = BackgroundLoop()
    caller = Caller(
        route=make_routes(config),
        ledger=NoLedger(),
        cache=None,
        policy=make_policy(config),
        pricing=make_pricing(config),
    )

    async def all_of_them() -> tuple[Call, ...]:
        return tuple(await asyncio.gather(*(caller.call(question) for question in questions)))

    try:
        return loop.submit(all_of_them()).result()
    finally:
        loop.close(caller.aclose(), grace_s=_GRACE_S)
