"""The ``evalkit`` fixture: prompts and checks for tests written in Python."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from evalkit.errors import EvalkitError
from evalkit.model.calls import CallFailure, Response
from evalkit.model.cases import CheckSpec
from evalkit.model.results import Result, Verdict
from evalkit.pytest_plugin.session import FAILED

if TYPE_CHECKING:
    from collections.abc import Mapping

    from evalkit.engine.trial import Answered
    from evalkit.model.calls import JSON, ToolCall
    from evalkit.model.cases import PlannedTest
    from evalkit.pytest_plugin.host import CaseHost


class Answer:
    """A model's answer inside a Python test. ``text`` is what it said, ``response`` everything about it."""

    def __init__(self, host: CaseHost, test: PlannedTest, answered: Answered, response: Response) -> None:
        self._host = host
        self._test = test
        self.response = response
        self.result = Result(answered.trial, answered.call, ())

    @property
    def text(self) -> str:
        """The answer's text."""
        return self.response.text

    @property
    def tool_calls(self) -> tuple[ToolCall, ...]:
        """The tools the model asked to call."""
        return self.response.tool_calls

    def check(self, name: str, params: JSON = None, *, select: str | None = None) -> Verdict:
        """Judge the answer with a check, written as in a suite: ``answer.check("contains", "refund")``.

        A failing check fails the test; a check that could not judge raises EvalkitError. What a judge asks is sent like any call.
        """
        __tracebackhide__ = True
        spec = CheckSpec(name, True if params is None else params, self.result.trial.case.where, select=select)
        verdict = self._judge(spec)
        if self.result.pending:
            pytest.skip(f"what {name!r} asks waits for a batch")
        if verdict.status == "error":
            raise EvalkitError(f"the check {name!r} could not judge: {verdict.reason}", where=spec.where)
        if verdict.status == "fail":
            pytest.fail(f"{verdict.check}: {verdict.reason}\nanswer: {self.text[:500]!r}", pytrace=False)
        return verdict

    def _judge(self, spec: CheckSpec) -> Verdict:
        runner = self._host.runner
        test = replace(self._test, checks=(spec,))
        # The request is asked again, which costs nothing: identical requests of a run share one answer.
        judged = runner.judged(test)
        self.result = replace(
            self.result,
            verdicts=(*self.result.verdicts, *judged.verdicts),
            followups=(*self.result.followups, *judged.followups),
        )
        return judged.verdicts[0]


class Evalkit:
    """Asks models for one Python test. Every answer and verdict is stored with the run, under the test's name."""

    def __init__(self, host: CaseHost, node: pytest.Item) -> None:
        self._host = host
        self._node = node
        self._answers: list[Answer] = []
        self._asked = 0

    def ask(
        self,
        prompt: str,
        *,
        model: str | None = None,
        params: Mapping[str, JSON] | None = None,
        **variables: JSON,
    ) -> Answer:
        """Render ``prompt`` (``refund-reply:v2``) with the variables, send it, and return the answer.

        ``model`` and ``params`` default to the prompt's front matter. Raises EvalkitError when the prompt, the model or a parameter is
        wrong, or when no answer came.
        """
        from evalkit.harness.during.asking import question

        self._asked += 1
        path, line, _ = self._node.reportinfo()
        file, _, name = self._node.nodeid.partition("::")
        planner, runner = self._host.planner, self._host.runner
        test, version = question(
            planner,
            prompt=prompt,
            model=model,
            vars=variables,
            params=params or {},
            test=f"{name}-{self._asked}" if self._asked > 1 else name,
            path=file or str(path),
            line=None if line is None else line + 1,
        )
        runner.prompt(version)
        answered = runner.submit(test).result()[0]
        if isinstance(answered.call.reply, CallFailure):
            runner.record(Result(answered.trial, answered.call, ()))
            failure = answered.call.reply
            if failure.kind == "pending":
                pytest.skip(f"the answer waits for a batch: {failure.message}")
            raise EvalkitError(
                f"no answer from {answered.trial.request.model}: {failure.kind}: {failure.message} ({failure.attempts} attempts)",
                hint=failure.hint,
                where=answered.trial.case.where,
            )
        answer = Answer(self._host, test, answered, answered.call.reply)
        self._answers.append(answer)
        return answer

    def close(self) -> None:
        """Store what was measured. When the test failed by an assertion of its own, its last answer is stored as failed."""
        results = [answer.result for answer in self._answers]
        reason = self._node.stash.get(FAILED, None)
        if reason is not None and results and all(result.status == "pass" for result in results):
            verdict = Verdict("assert", "custom", "fail", reason[:500], line=results[-1].trial.case.where.line)
            results[-1] = replace(results[-1], verdicts=(*results[-1].verdicts, verdict))
        for result in results:
            self._host.record(result)
