"""One case × variant as a pytest item."""

from __future__ import annotations

import re
from functools import cached_property
from typing import TYPE_CHECKING, Any, Protocol

import pytest

from evalkit.model.calls import CallFailure

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from concurrent.futures import Future
    from pathlib import Path

    from evalkit.engine.trial import Answered
    from evalkit.harness.during.outcome import TestOutcome
    from evalkit.model.cases import PlannedTest

_PYTESTS_OWN = frozenset({"skip", "skipif", "xfail", "parametrize", "usefixtures", "filterwarnings", "evalkit"})
"""Marks with a meaning of their own. As tags they are keywords only: a suite must not be able to skip its cases by a tag."""

_MARK = re.compile(r"[^\W_][\w.+/-]*\Z")
"""Tags that can be marks: pytest reads a colon in the name of a mark as the end of it, and keeps leading underscores for itself."""

_LOOKED_AT = frozenset({"skip", "skipif", "xfail", "usefixtures", "filterwarnings"})
_NOTHING: frozenset[str] = frozenset()


class Host(Protocol):
    """What an item needs of the session that it runs in."""

    def wait(self, item: EvalItem) -> tuple[Answered, ...]:
        """Wait for the item's answers."""
        ...

    def spared(self, item: EvalItem) -> str | None:
        """Why the item need not be asked; None if it must be."""
        ...

    def judge(self, item: EvalItem, answered: Sequence[Answered]) -> TestOutcome:
        """Judge the answers and journal the results."""
        ...

    def reported(self, item: EvalItem, report: pytest.TestReport) -> None:
        """Shape the report of one phase of the item."""
        ...


class Marks:
    """The marks of a suite's items: one object per variant and per tag, for making them costs more than the rest of an item."""

    def __init__(self, register_tag: Callable[[str], None]) -> None:
        self._register_tag = register_tag
        self._variants: dict[str, pytest.MarkDecorator] = {}
        self._tags: dict[str, pytest.MarkDecorator] = {}

    def of(self, test: PlannedTest) -> list[pytest.MarkDecorator]:
        """``evalkit(prompt=…, model=…, variant=…, suite=…)`` and the tags that can be marks."""
        trial = test.trials[0]
        variant = trial.variant
        if variant.label not in self._variants:
            facts = {"prompt": variant.prompt, "model": variant.model, "variant": variant.name, "suite": trial.suite}
            self._variants[variant.label] = pytest.mark.evalkit(**facts)
        tags = (tag for tag in sorted(trial.case.tags) if _MARK.match(tag) and tag not in _PYTESTS_OWN)
        return [self._variants[variant.label], *map(self._tag, tags)]

    def _tag(self, tag: str) -> pytest.MarkDecorator:
        if tag not in self._tags:
            self._register_tag(tag)
            self._tags[tag] = getattr(pytest.mark, tag)
        return self._tags[tag]


class EvalItem(pytest.Item):
    """One case × variant. Waits for its answers in ``setup``, judges them in ``runtest``."""

    def __init__(self, *, test: PlannedTest, host: Host, marks: Marks, **kwargs: Any) -> None:  # noqa: ANN401 - pytest's keywords
        super().__init__(**kwargs)
        self.test = test
        self.answers: Future[tuple[Answered, ...]] | None = None
        self.outcome: TestOutcome | None = None
        self.host = host
        for mark in marks.of(test):
            self.add_marker(mark)
        self.extra_keyword_matches.update(test.trials[0].case.tags)

    @cached_property
    def pytests_marks(self) -> frozenset[str]:
        """Which marks with a meaning to pytest somebody put on the item or above it, when it was first looked at."""
        return frozenset(mark.name for mark in self.iter_markers()) & _LOOKED_AT or _NOTHING

    def setup(self) -> None:
        """Wait for the answers; no answer is an error of the setup."""
        if self.config.getoption("setuponly"):
            return
        reason = self.host.spared(self)
        if reason is not None:
            pytest.skip(reason)
        answered = self.host.wait(self)
        if any(isinstance(one.call.reply, CallFailure) for one in answered):
            self.outcome = self.host.judge(self, answered)
            pytest.fail("no answer", pytrace=False)  # without a traceback, which would cost 60 ms and be thrown away

    def runtest(self) -> None:
        """Judge the answers; raises when too few repeats passed or a check could not judge."""
        self.outcome = self.host.judge(self, self.host.wait(self))
        if self.outcome.status != "pass":
            pytest.fail(self.outcome.status, pytrace=False)

    def reportinfo(self) -> tuple[Path, int | None, str]:
        """Where the case stands: the suite file and its line (0-based, as pytest counts)."""
        line = self.test.trials[0].case.where.line
        return self.path, None if line is None else line - 1, self.name
