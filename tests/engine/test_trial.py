"""A trial: its answer, what its checks ask for, and what becomes of a check that breaks."""

from __future__ import annotations

import asyncio
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from test_call import GOOD, Ledger, Model, ask, caller_of

from evalkit.checks.build import BuiltCheck
from evalkit.engine.trial import answer, judge
from evalkit.errors import CallError, CheckError, Where
from evalkit.model.cases import Case, CheckSpec, Trial, Variant
from evalkit.model.results import Verdict

if TYPE_CHECKING:
    from collections.abc import Sequence

    from evalkit.checks.base import CheckContext
    from evalkit.engine.trial import Answered
    from evalkit.model.calls import Reply, Request


@dataclass(frozen=True)
class Curious:
    """A check that asks some questions and passes when all of them were answered."""

    questions: tuple[str, ...] = ()
    breaks: str = ""

    def followups(self, ctx: CheckContext) -> Sequence[Request]:
        if self.breaks == "asking":
            raise ValueError("cannot ask")
        return [ask(f"{question} about {ctx.text}") for question in self.questions]

    def judge(self, ctx: CheckContext, replies: Sequence[Reply]) -> Verdict:
        if self.breaks == "judging":
            raise CheckError("cannot judge")
        return Verdict("curious", "custom", "pass" if len(replies) == len(self.questions) else "fail", "")


def built(check: Curious) -> BuiltCheck:
    spec = CheckSpec("curious", None, Where("suites/s.yaml", 7))
    return BuiltCheck(spec=spec, name="curious", family="custom", check=check)


def trial() -> Trial:
    request = ask("hello")
    case = Case("a", {}, Where("suites/s.yaml", 3))
    return Trial("s", "suites/s.yaml", case, Variant("v1", "v1-fake/model", "", "p:v1", "0", "fake/model"), 0, request)


def run(model: Model, *checks: Curious, ledger: Ledger | None = None) -> Answered:
    return asyncio.run(answer(trial(), [built(check) for check in checks], caller_of(model, ledger=ledger)))


def test_followups_go_through_the_same_engine_and_reach_their_check() -> None:
    """Two checks ask three questions, one of them the same: the answer and two questions are paid, in that order."""
    model, ledger = Model(GOOD), Ledger()
    checks = (Curious(("kind?", "true?")), Curious(), Curious(("kind?",)))
    answered = run(model, *checks, ledger=ledger)
    result = judge(answered, [built(check) for check in checks])
    assert model.calls == ["hello", "kind? about hello", "true? about hello"]
    assert [verdict.status for verdict in result.verdicts] == ["pass", "pass", "pass"]
    assert sorted(call.source for call in result.followups) == ["live", "live", "shared"]
    assert len(ledger.settled) == 4


def test_without_an_answer_nothing_is_asked_and_nothing_judged() -> None:
    """A failed call is an errored trial; judges are not paid for it."""
    model = Model(CallError("no", kind="bad_request"))
    answered = run(model, Curious(("kind?",)))
    result = judge(answered, [built(Curious(("kind?",)))])
    assert model.calls == ["hello"]
    assert (result.status, result.verdicts, result.followups) == ("error", (), ())


def test_a_check_that_breaks_is_an_error_and_does_not_disturb_the_others() -> None:
    """Whether it breaks while asking or while judging: its verdict is ``error`` with the reason and its line."""
    checks = (Curious(breaks="asking"), Curious(breaks="judging"), Curious())
    result = judge(run(Model(GOOD), *checks), [built(check) for check in checks])
    assert [verdict.status for verdict in result.verdicts] == ["error", "error", "pass"]
    assert re.fullmatch(r"the check raised ValueError: cannot ask \(test_trial\.py:\d+\)", result.verdicts[0].reason)
    assert result.verdicts[1].reason == "cannot judge"
    assert result.verdicts[0].line == 7
    assert result.status == "error"
