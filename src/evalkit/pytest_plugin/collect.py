"""Suites as pytest sees them: a file, and one item per case × variant."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from evalkit.errors import EvalkitError
from evalkit.model.calls import CallFailure
from evalkit.pytest_plugin.session import session_of

if TYPE_CHECKING:
    from collections.abc import Iterator
    from concurrent.futures import Future
    from pathlib import Path

    from evalkit.engine.trial import Answered
    from evalkit.harness.outcome import TestOutcome
    from evalkit.harness.planning import SuitePlan
    from evalkit.model.cases import PlannedTest
    from evalkit.pytest_plugin.session import EvalSession

_PYTESTS_OWN = frozenset({"skip", "skipif", "xfail", "parametrize", "usefixtures", "filterwarnings", "evalkit"})
"""Marks with a meaning of their own. As tags they are keywords only: a suite must not be able to skip its cases by a tag."""


def collect_suite(path: Path, parent: pytest.Collector) -> SuiteFile | None:
    """Return a collector for ``path`` if it is a suite of this project, else None."""
    explicit = parent.session.isinitpath(path)
    if not (explicit or path.name.endswith((".eval.yaml", ".eval.yml")) or _in_suites_folder(path, parent.config)):
        return None
    file: SuiteFile = SuiteFile.from_parent(parent, path=path)
    return file


def _in_suites_folder(path: Path, config: pytest.Config) -> bool:
    from evalkit.harness.discovery import is_suite
    from evalkit.pytest_plugin.project import project_of

    project = project_of(config)
    return project is not None and is_suite(path, project.folder("suites"))


class SuiteFile(pytest.File):
    """A suite. Collecting it finds every mistake in it; nothing is called."""

    plan: SuitePlan

    def collect(self) -> Iterator[EvalItem]:
        """Yield one item per case × variant."""
        session = session_of(self.config)
        self.plan = session.plan(self.path)
        for test in self.plan.tests:
            name = test.test_id.removeprefix(f"{test.trials[0].suite_path}::")
            # A string id is parsed into name and parameters; a name with brackets is not, and --lf would not find it.
            yield EvalItem.from_parent(self, name=name, nodeid=f"{self.nodeid}::{name}", test=test, session_=session)

    def repr_failure(self, excinfo: pytest.ExceptionInfo[BaseException]) -> Any:  # type: ignore[override]  # noqa: ANN401 - pytest's own type is private
        """Show a mistake in the suite as one message instead of a traceback."""
        if isinstance(excinfo.value, EvalkitError):
            return str(excinfo.value)
        return super().repr_failure(excinfo)


class EvalItem(pytest.Item):
    """One case × variant. Waits for its answers in ``setup``, judges them in ``runtest``."""

    def __init__(self, *, test: PlannedTest, session_: EvalSession, **kwargs: Any) -> None:  # noqa: ANN401 - pytest's keywords
        super().__init__(**kwargs)
        self.test = test
        self.answers: Future[tuple[Answered, ...]] | None = None
        self.outcome: TestOutcome | None = None
        self._session = session_
        self._mark(test)

    def _mark(self, test: PlannedTest) -> None:
        trial = test.trials[0]
        variant = trial.variant
        self.add_marker(
            pytest.mark.evalkit(prompt=variant.prompt, model=variant.model, variant=variant.name, suite=trial.suite)
        )
        for tag in sorted(trial.case.tags):
            self.extra_keyword_matches.add(tag)
            if tag.isidentifier() and tag not in _PYTESTS_OWN:
                self._session.register_tag(tag)
                self.add_marker(getattr(pytest.mark, tag))

    def setup(self) -> None:
        """Wait for the answers; no answer is an error of the setup."""
        if self.config.getoption("setuponly"):
            return
        answered = self._session.wait(self)
        if any(isinstance(one.call.reply, CallFailure) for one in answered):
            self.outcome = self._session.judge(self, answered)
            pytest.fail("no answer", pytrace=False)  # without a traceback, which would cost 60 ms and be thrown away

    def runtest(self) -> None:
        """Judge the answers; raises when too few repeats passed or a check could not judge."""
        self.outcome = self._session.judge(self, self._session.wait(self))
        if self.outcome.status != "pass":
            pytest.fail(self.outcome.status, pytrace=False)

    def reportinfo(self) -> tuple[Path, int | None, str]:
        """Where the case stands: the suite file and its line (0-based, as pytest counts)."""
        line = self.test.trials[0].case.where.line
        return self.path, None if line is None else line - 1, self.name
