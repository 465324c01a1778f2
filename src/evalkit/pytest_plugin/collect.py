"""Suites as pytest sees them: a file, and one item per case × variant."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from evalkit.errors import EvalkitError
from evalkit.pytest_plugin.items import EvalItem, Marks
from evalkit.pytest_plugin.session import session_of

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from evalkit.harness.before.planning import SuitePlan


def collect_suite(path: Path, parent: pytest.Collector) -> SuiteFile | None:
    """Return a collector for ``path`` if it is a suite of this project, else None."""
    explicit = parent.session.isinitpath(path)
    if not (explicit or path.name.endswith((".eval.yaml", ".eval.yml")) or _in_suites_folder(path, parent.config)):
        return None
    file: SuiteFile = SuiteFile.from_parent(parent, path=path)
    return file


def _in_suites_folder(path: Path, config: pytest.Config) -> bool:
    from evalkit.harness.before.discovery import is_suite
    from evalkit.pytest_plugin.project import project_of

    project = project_of(config)
    return project is not None and is_suite(path, project.folder("suites"))


class SuiteFile(pytest.File):
    """A suite. Collecting it finds every mistake in it; nothing is called."""

    plan: SuitePlan

    def collect(self) -> Iterator[EvalItem]:
        """Yield one item per case × variant."""
        host = session_of(self.config).host
        self.plan = host.plan(self.path)
        marks = Marks(host.register_tag)
        for test in self.plan.tests:
            name = test.test_id.removeprefix(f"{test.trials[0].suite_path}::")
            # A string id is parsed into name and parameters; a name with brackets is not, and --lf would not find it.
            yield EvalItem.from_parent(
                self, name=name, nodeid=f"{self.nodeid}::{name}", test=test, host=host, marks=marks
            )

    def repr_failure(self, excinfo: pytest.ExceptionInfo[BaseException]) -> Any:  # type: ignore[override]  # noqa: ANN401 - pytest's own type is private
        """Show a mistake in the suite as one message instead of a traceback."""
        if isinstance(excinfo.value, EvalkitError) and not self.config.option.fulltrace:
            return session_of(self.config).host.shown(str(excinfo.value))
        return super().repr_failure(excinfo)
