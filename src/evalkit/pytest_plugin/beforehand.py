"""What must be there before anything is paid for."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

    import pytest

    from evalkit.config import Config
    from evalkit.harness.planning import SuitePlan


def require_what_is_named(
    config: Config, pytest_config: pytest.Config, *, run_id: str, plans: Iterable[SuitePlan]
) -> None:
    """A baseline that does not exist and a recording that cannot be read stop the run ``run_id`` before anything is paid, not after it.

    Raises ConfigError, StoreError or RecordingError.
    """
    if config.baseline is not None:
        from evalkit.harness.baselines import Baselines

        Baselines(config, run_id=run_id).require()
    if pytest_config.getoption("evalkit_record"):
        from evalkit.harness.recording import require_readable

        require_readable(config, [plan.spec.name for plan in plans])
