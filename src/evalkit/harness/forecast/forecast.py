"""``evalkit estimate``, without its words: collect as a run would, find what is answered already, and add up the rest."""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import replace
from typing import TYPE_CHECKING

from evalkit.errors import ConfigError, did_you_mean
from evalkit.harness.before.discovery import suite_files
from evalkit.harness.before.planning import Planner
from evalkit.harness.during.routes import make_routes
from evalkit.harness.forecast.estimating import Estimator
from evalkit.harness.forecast.past import past_outputs
from evalkit.store.cache import CACHE_FILE, Cache

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from evalkit.config import Config
    from evalkit.harness.before.planning import SuitePlan
    from evalkit.harness.forecast.estimate import Estimate
    from evalkit.model.cases import PlannedTest


def forecast(config: Config, names: Sequence[str] = ()) -> Estimate:
    """Estimate a run of the suites, folders and test ids ``names``, relative to the project; none means every suite. Nothing is called.

    A test id may leave the variant out (``suites/refunds.yaml::late-parcel``). Raises SuiteError, PromptError or ConfigError for what a
    run would refuse too, RecordingError for a damaged recording in replay mode, StoreError for a cache that cannot be read.
    """
    planner = Planner(config)
    ids = [name for name in names if "::" in name]
    whole = [name for name in names if "::" not in name]
    named = set(suite_files(whole, config) if whole or not ids else ())
    files = suite_files(list(dict.fromkeys(name.partition("::")[0] for name in names)), config)
    plans = [planner.plan(path) for path in files]
    tests = [
        test for plan, path in zip(plans, files, strict=True) for test in _selected(plan, ids, all_of_it=path in named)
    ]
    _require(ids, plans)
    # A batch is asked for what the cache does not hold, as every call of cache mode is.
    routes = make_routes(replace(config, mode="cache") if config.mode == "batch" else config)
    with _answers(config) as cache:
        estimator = Estimator(config, planner, route=routes, cache=cache, past=past_outputs(config.folder("reports")))
        return estimator.estimate(tests, notes=[note for plan in plans for note in plan.notes])


def _selected(plan: SuitePlan, ids: Sequence[str], *, all_of_it: bool) -> list[PlannedTest]:
    return [test for test in plan.tests if all_of_it or test.test_id in ids or _without_variant(test) in ids]


def _require(ids: Sequence[str], plans: Sequence[SuitePlan]) -> None:
    """Raise ConfigError for a test id that no suite has."""
    tests = [test for plan in plans for test in plan.tests]
    known = {test.test_id for test in tests} | {_without_variant(test) for test in tests}
    for name in ids:
        if name not in known:
            raise ConfigError(f"there is no test {name}", hint=did_you_mean(name, known))


def _without_variant(test: PlannedTest) -> str:
    trial = test.trials[0]
    return f"{trial.suite_path}::{trial.case.id}"


@contextmanager
def _answers(config: Config) -> Iterator[Cache | None]:
    """The response cache, brought up to date; None in a mode that does not ask it, and in a project that never ran."""
    reports = config.folder("reports")
    if config.mode not in {"cache", "batch"} or not ((reports / CACHE_FILE).exists() or config.journals.is_dir()):
        yield None
        return
    cache = Cache(reports / CACHE_FILE)
    try:
        cache.absorb(config.journals)
        yield cache
    finally:
        cache.close()
