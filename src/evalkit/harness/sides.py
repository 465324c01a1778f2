"""What a user may name on one side of a comparison: a run, a variant, or a variant of a run."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, NamedTuple

from evalkit.compare.compare import compare
from evalkit.compare.values import Side
from evalkit.errors import ConfigError, did_you_mean
from evalkit.harness.runner import journal_root
from evalkit.store.reader import list_runs, read_run

if TYPE_CHECKING:
    from collections.abc import Iterable

    from evalkit.compare.values import Comparison
    from evalkit.config import Config
    from evalkit.model.results import Measurement


@dataclass(frozen=True, slots=True)
class Chosen:
    """One side: the run and its measurements, narrowed to one variant when the user named one. ``complete``: the run came to its end."""

    run_id: str
    variant: str | None
    rows: tuple[Measurement, ...]
    complete: bool = True


class History:
    """The stored runs of a project, newest first, ``without`` one that is still going on."""

    def __init__(self, config: Config, *, without: str | None = None) -> None:
        self._root = journal_root(config)
        runs = list_runs(config.folder("reports"))
        entries = [run for run in runs if run.info is not None and run.run_id != without]
        self._runs = [run.run_id for run in entries]
        self._complete = {run.run_id for run in entries if run.status == "complete"}

    def choose(self, text: str, *, default_run: str | None = None) -> Chosen:
        """Resolve ``RUN``, ``latest``, ``VARIANT`` or ``RUN:VARIANT``; a run may be shortened to a unique beginning of its id.

        A variant without a run is looked up in ``default_run`` (the latest if None). Raises ConfigError that lists what there is.
        """
        run = self._run(text)
        if run is not None:
            return self._chosen(run, None, self._rows(run))
        head, colon, tail = text.partition(":")
        run = self._run(head) if colon else None
        if run is not None:
            return self._variant(run, tail)
        return self._variant(self.run_id(default_run or "latest"), text)

    def run_id(self, text: str) -> str:
        """The run that ``text`` names: an id, a unique beginning of one, or ``latest``. Raises ConfigError that lists what there is."""
        if not self._runs:
            raise ConfigError(f"there are no runs in {self._root}", hint="run a suite first: pytest suites")
        run = self._run(text)
        if run is None:
            raise ConfigError(f"there is no run {text!r}", hint=did_you_mean(text, ["latest", *self._runs[:20]]))
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
        return self._chosen(run, name, chosen)

    def _chosen(self, run: str, variant: str | None, rows: tuple[Measurement, ...]) -> Chosen:
        return Chosen(run, variant, rows, complete=run in self._complete)


@dataclass(frozen=True, slots=True)
class Compared:
    """The comparisons, one per suite and cell, and ``notes``: what of the two sides was not compared, one sentence each."""

    comparisons: tuple[Comparison, ...]
    notes: tuple[str, ...]


def compare_sides(
    a: Chosen, b: Chosen, *, margin: float | None = None, confidence: float = 0.95, checks: bool = False
) -> Compared:
    """Compare two sides suite by suite and cell by cell. Two whole runs are paired variant by variant.

    What has no namesake is paired if it is all that its side has of a suite: a suite that ran with v1 then and with v2 now, or two
    variants with different models. ``checks`` asks for a metric per check. Raises ConfigError when the sides have nothing in common.
    """
    left, right = _groups(_beside(a, b)), _groups(_beside(b, a))
    pairs = {key: key for key in left if key in right} | _lone_pairs(left, right)
    if not pairs:
        raise ConfigError("the two sides share no suite and variant", hint="name a variant on each side: RUN:VARIANT")
    comparisons = tuple(
        compare(
            left[key],
            right[other],
            a_side=Side(left[key][0].variant, left[key][0].label, a.run_id),
            b_side=Side(right[other][0].variant, right[other][0].label, b.run_id),
            suite=key.suite,
            margin=margin,
            confidence=confidence,
            checks=checks,
        )
        for key, other in pairs.items()
    )
    return Compared(comparisons, (*_left_out(a, left, pairs), *_left_out(b, right, pairs.values())))


class _Key(NamedTuple):
    """What two groups of trials must share to be compared; ``variant`` is empty when the user named it."""

    suite: str
    cell: str
    variant: str


_Groups = dict[_Key, list["Measurement"]]


def _beside(side: Chosen, other: Chosen) -> Chosen:
    """A whole run beside a variant stands for its variant of that name, or for the only one it has."""
    if side.variant is not None or other.variant is None:
        return side
    names = {row.variant for row in side.rows}
    rows = tuple(row for row in side.rows if other.variant in {row.variant, row.label} or len(names) == 1)
    if not rows:
        raise ConfigError(
            f"run {side.run_id} has no variant {other.variant!r}",
            hint=f"name one, RUN:VARIANT; {did_you_mean('', names)}",
        )
    return replace(side, variant=other.variant, rows=rows)


def _groups(side: Chosen) -> _Groups:
    groups: _Groups = {}
    for row in side.rows:
        key = _Key(row.suite, row.cell, row.variant if side.variant is None else "")
        groups.setdefault(key, []).append(row)
    return groups


def _lone_pairs(a: _Groups, b: _Groups) -> dict[_Key, _Key]:
    """The one group that each side has of a suite, where their cells or variants differ."""
    ones_a, ones_b = _ones(a), _ones(b)
    return {key: ones_b[suite] for suite, key in ones_a.items() if suite in ones_b}


def _ones(groups: _Groups) -> dict[str, _Key]:
    counts = Counter(key.suite for key in groups)
    return {key.suite: key for key in groups if counts[key.suite] == 1}


def _left_out(side: Chosen, groups: _Groups, compared: Iterable[_Key]) -> list[str]:
    notes = [] if side.complete else [f"run {side.run_id} is incomplete: only what it measured is compared"]
    paired = set(compared)
    missing = [f"{rows[0].suite} {rows[0].label}" for key, rows in groups.items() if key not in paired]
    return notes + [f"only in run {side.run_id}, not compared: {name}" for name in missing]
