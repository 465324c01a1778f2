"""The start of a run inside a pytest session: everything that can stop it is found before anything is paid for."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from evalkit.errors import ConfigError, EvalkitError, MissingExtraError
from evalkit.harness.before.readiness import require_ready
from evalkit.harness.during.runner import Runner
from evalkit.pytest_plugin.not_started import NotStarted

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from evalkit.config import Config
    from evalkit.harness.before.planning import Planner, SuitePlan
    from evalkit.pytest_plugin.items import EvalItem
    from evalkit.pytest_plugin.watch import Watch


def require_what_is_named(
    config: Config, pytest_config: pytest.Config, *, run_id: str, plans: Iterable[SuitePlan]
) -> None:
    """A baseline that does not exist and a recording that cannot be read stop the run ``run_id`` before anything is paid, not after it.

    Raises ConfigError, StoreError or RecordingError.
    """
    if config.baseline is not None:
        from evalkit.harness.comparing.baselines import Baselines

        Baselines(config, run_id=run_id).require()
    if pytest_config.getoption("evalkit_record"):
        from evalkit.harness.after.recording import require_readable

        require_readable(config, [plan.spec.name for plan in plans])


def start(
    pytest_config: pytest.Config,
    planner: Planner,
    plans: Sequence[SuitePlan],
    items: Sequence[EvalItem],
    *,
    run_id: str,
    worker: str,
    redact: Callable[[str], str],
    early: bool,
) -> tuple[Watch, Runner]:
    """Open the engine and the journal for ``items``, which belong to ``plans``; what is watched passes ``redact``.

    Ends the session, with nothing left open, for a baseline that does not exist, a recording that cannot be read, a key that is
    missing, a ceiling that cannot be kept, and a store that cannot be written. ``early``, before the first test, a wrong configuration or
    environment is a usage error.
    """
    from evalkit.pytest_plugin.watch import Watch

    config = planner.config
    watch = None
    try:
        require_what_is_named(config, pytest_config, run_id=run_id, plans=plans)
        if early:
            require_ready(config, [item.test for item in items], planner.checks_of)
        total = sum(len(item.test.trials) for item in items)
        watch = Watch(pytest_config, run_id=run_id, worker=worker, total=total, redact=redact)
        runner = Runner(config, planner, run_id=run_id, worker=worker, observe=watch.observer)
        _plan(runner, plans, items)
    except EvalkitError as error:
        if watch is not None:
            watch.close()
        usage = isinstance(error, (ConfigError, MissingExtraError))
        if early and usage:
            raise pytest.UsageError(str(error)) from error
        raise NotStarted(str(error), returncode=2 if usage else 3) from error
    return watch, runner


def _plan(runner: Runner, plans: Sequence[SuitePlan], items: Sequence[EvalItem]) -> None:
    try:
        runner.plan(tuple(plans), {item.test.test_id for item in items})
    except EvalkitError:
        runner.close()
        raise
