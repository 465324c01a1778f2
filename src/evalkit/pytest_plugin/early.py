"""Sessions whose suites may stop early: cases in the order that the decision needs, and no case asked that nobody needs."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from evalkit.errors import SuiteError
from evalkit.harness.during.early import EarlyStops
from evalkit.harness.racing import Races
from evalkit.pytest_plugin.items import EvalItem
from evalkit.store.journal.elsewhere import Elsewhere

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from pathlib import Path

    from evalkit.harness.before.planning import SuitePlan
    from evalkit.model.results import Result


def require_raceable(config: pytest.Config) -> None:
    """Raise pytest.UsageError for a session that cannot be a race: of batches, or at a confidence that there is not."""
    if not 0.5 <= config.getoption("evalkit_race") < 1.0:
        raise pytest.UsageError(
            f"a race at confidence {config.getoption('evalkit_race'):g}: at least 0.5 and less than 1, such as 0.95"
        )
    if config.getoption("evalkit_mode") == "batch":
        raise pytest.UsageError(
            "a batch is asked as a whole, before anything in it is known, so a race has nobody to drop\n  hint: evalkit run --mode batch "
            "asks every variant everything, at half price; or race in another mode"
        )


def early_stops(
    config: pytest.Config, plans: Iterable[SuitePlan], items: list[pytest.Item], reports: Path
) -> EarlyStops | Races | None:
    """Listen to the suites of ``plans`` that may stop early, and put their ``items`` in order; None if there is no such suite.

    A worker also hears, from the run's journals under ``reports``, what the others measured. In a race all suites may stop. Raises pytest.UsageError for
    a suite that cannot be raced.
    """
    race, elsewhere = config.getoption("evalkit_race"), _elsewhere(config, reports)
    if race is None:
        stops: EarlyStops | Races = EarlyStops(plans, elsewhere=elsewhere)
        return _in_order(stops, items) if stops else None
    try:
        tests = [item.test for item in items if isinstance(item, EvalItem)]
        stops = Races(plans, tests, confidence=race, elsewhere=elsewhere)
    except SuiteError as error:
        raise pytest.UsageError(str(error)) from error
    return _in_order(stops, items)


def _elsewhere(config: pytest.Config, reports: Path) -> Callable[[], Iterable[Result]]:
    worker = getattr(config, "workerinput", None)
    if worker is None:
        return list
    return Elsewhere(reports / "journal" / worker["evalkit_run_id"], own=f"{worker['workerid']}-").news


def _in_order(stops: EarlyStops | Races, items: list[pytest.Item]) -> EarlyStops | Races:
    seats: dict[str, list[int]] = {}
    order: dict[int, str] = {}
    for index, item in enumerate(items):
        found = stops.place(item.test) if isinstance(item, EvalItem) else None
        if found is not None:
            suite, order[index] = found
            seats.setdefault(suite, []).append(index)
    for indexes in seats.values():
        moved = [items[index] for index in sorted(indexes, key=order.__getitem__)]
        for index, item in zip(indexes, moved, strict=True):
            items[index] = item
    return stops
