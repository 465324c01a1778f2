"""What a user may name on one side of a comparison: a run, a variant, or a variant of a run."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from evalkit.compare.compare import compare
from evalkit.compare.values import Side
from evalkit.errors import ConfigError, did_you_mean
from evalkit.harness.runner import journal_root
from evalkit.store.reader import list_runs, read_run

if TYPE_CHECKING:
    from evalkit.compare.values import Comparison
    from evalkit.config import Config
    from evalkit.model.results import Measurement


@dataclass(frozen=True, slots=True)
class Chosen:
    """One side: the run and its measurements, narrowed to one variant when the user named one."""

    run_id: str
    variant: str | None
    rows: tuple[Measurement, ...]


class History:
    """The stored runs of a project, newest first."""

    def __init__(self, config: Config) -> None:
        self._root = journal_root(config)
        self._runs = [run.run_id for run in list_runs(config.folder("reports")) if run.info is not None]

    def choose(self, text: str, *, default_run: str | None = None) -> Chosen:
        """Resolve ``RUN``, ``latest``, ``VARIANT`` or ``RUN:VARIANT``; a run may be shortened to a unique beginning of its id.

        A variant without a run is looked up in ``default_run`` (the latest if None). Raises ConfigError that lists what there is.
        """
        run = self._run(text)
        if run is not None:
            return Chosen(run, None, self._rows(run))
        head, colon, tail = text.partition(":")
        run = self._run(head) if colon else None
        if run is not None:
            return self._variant(run, tail)
        return self._variant(self._need(default_run or "latest"), text)

    def _need(self, text: str) -> str:
        run = self._run(text)
        if run is None:
            hint = did_you_mean(text, self._runs) if self._runs else "run a suite first: pytest suites"
            raise ConfigError(f"no run {text!r}", hint=hint)
        return run

    def _run(self, text: str) -> str | None:
        if text == "latest":
            return self._runs[0] if self._runs else None
        matches = [run for run in self._runs if run == text] or [
            run for run in self._runs if len(text) >= 6 and run.startswith(text)
        ]
        if len(matches) > 1:
            raise ConfigError(f"{text!r} begins {len(matches)} run ids", hint=", ".join(matches[:5]))
        return matches[0] if matches else None

    def _rows(self, run: str) -> tuple[Measurement, ...]:
        return tuple(result.measurement() for result in read_run(self._root / run).results)

    def _variant(self, run: str, name: str) -> Chosen:
        rows = self._rows(run)
        chosen = tuple(row for row in rows if name in {row.variant, row.label})
        if not chosen:
            names = {row.variant for row in rows} | {row.label for row in rows}
            raise ConfigError(
                f"{name!r} is neither a run nor a variant of run {run}",
                hint=did_you_mean(name, names | set(self._runs[:20])),
            )
        return Chosen(run, name, chosen)


def compare_sides(
    a: Chosen, b: Chosen, *, margin: float | None = None, confidence: float = 0.95
) -> tuple[Comparison, ...]:
    """Compare two sides suite by suite and cell by cell. Two whole runs are paired variant by variant.

    Raises ConfigError when the sides have nothing in common.
    """
    compared = tuple(
        compare(
            rows_a,
            rows_b,
            a_side=Side(rows_a[0].variant, rows_a[0].label, a.run_id),
            b_side=Side(rows_b[0].variant, rows_b[0].label, b.run_id),
            suite=rows_b[0].suite,
            margin=margin,
            confidence=confidence,
        )
        for rows_a, rows_b in _matched(a, b)
    )
    if not compared:
        raise ConfigError("the two sides share no suite and variant", hint="name a variant on each side: RUN:VARIANT")
    return compared


def _matched(a: Chosen, b: Chosen) -> list[tuple[list[Measurement], list[Measurement]]]:
    by_variant = a.variant is None and b.variant is None
    groups_a, groups_b = (_groups(side.rows, by_variant=by_variant) for side in (a, b))
    return [(groups_a[key], groups_b[key]) for key in groups_a if key in groups_b]


def _groups(rows: tuple[Measurement, ...], *, by_variant: bool) -> dict[tuple[str, str, str], list[Measurement]]:
    groups: dict[tuple[str, str, str], list[Measurement]] = {}
    for row in rows:
        groups.setdefault((row.suite, row.cell, row.variant if by_variant else ""), []).append(row)
    return groups
