"""What a user may name on one side of a comparison: a run, a variant, or a variant of a run."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Generic, NamedTuple, Protocol, TypeVar

from evalkit.compare.compare import Wanted, compare_evidence
from evalkit.compare.evidence import evidence_of
from evalkit.compare.gates.compared import Counted, gates_about, judge_margin
from evalkit.compare.values import Side
from evalkit.errors import ConfigError, did_you_mean
from evalkit.store.journal.reader import list_runs, read_run

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from evalkit.compare.values import Comparison
    from evalkit.config import Config
    from evalkit.model.results import GateOutcome, Measurement
    from evalkit.store.journal.reader import RunRecords


class Row(Protocol):
    """What a row of one side must say to find its partner: a measurement, or what stands for many of them."""

    @property
    def suite(self) -> str:
        """Name of the suite."""
        ...

    @property
    def cell(self) -> str:
        """The dimensions crossed with every variant."""
        ...

    @property
    def variant(self) -> str:
        """Name in the suite."""
        ...

    @property
    def label(self) -> str:
        """What is between the brackets of a test id."""
        ...


R = TypeVar("R", bound=Row)


@dataclass(frozen=True, slots=True)
class Chosen(Generic[R]):
    """One side: the run and its rows, narrowed to one variant when the user named one, and the run's ``gates``.

    ``complete``: the run came to its end.
    """

    run_id: str
    variant: str | None
    rows: tuple[R, ...]
    complete: bool = True
    gates: tuple[GateOutcome, ...] = ()

    def side(self, rows: Sequence[R]) -> Side:
        """How a comparison speaks of ``rows`` of this side."""
        return Side(rows[0].variant, rows[0].label, self.run_id)


class Named(NamedTuple):
    """What a side was named: a run that there is, and the word for a variant of it, if any. ``known`` runs are for a hint."""

    run_id: str
    variant: str | None
    complete: bool
    known: tuple[str, ...] = ()

    def among(self, rows: Iterable[R]) -> Chosen[R]:
        """The side, out of all ``rows`` of its run. Raises ConfigError that lists what there is."""
        rows = tuple(rows)
        if self.variant is None:
            return Chosen(self.run_id, None, rows, complete=self.complete)
        chosen = tuple(row for row in rows if self.variant in {row.variant, row.label})
        if not chosen:
            names = {row.variant for row in rows} | {row.label for row in rows}
            raise ConfigError(
                f"{self.variant!r} is neither a run nor a variant of run {self.run_id}",
                hint=f"{did_you_mean(self.variant, names | set(self.known))}; of another run: RUN:{self.variant}",
            )
        return Chosen(self.run_id, self.variant, chosen, complete=self.complete)


class History:
    """The stored runs of a project, newest first, ``without`` one that is still going on."""

    def __init__(self, config: Config, *, without: str | None = None) -> None:
        self._root = config.journals
        runs = list_runs(config.folder("reports"))
        entries = [run for run in runs if run.info is not None and run.run_id != without]
        self._runs = [run.run_id for run in entries]
        self._complete = {run.run_id for run in entries if run.status == "complete"}

    def choose(self, text: str, *, default_run: str | None = None) -> Chosen[Measurement]:
        """Resolve ``text`` as :meth:`named` does, and read the run's journals."""
        found = self.named(text, default_run=default_run)
        records = read_run(self._root / found.run_id)
        return replace(found.among(_measured(records)), gates=records.gates)

    def rows(self, run: str) -> tuple[Measurement, ...]:
        """What a run measured, from its journals; what a batch still owes is no measurement. Raises StoreError."""
        return _measured(read_run(self._root / run))

    def named(self, text: str, *, default_run: str | None = None) -> Named:
        """Resolve ``RUN``, ``latest``, ``VARIANT`` or ``RUN:VARIANT``; a run may be shortened to a unique beginning of its id.

        A variant without a run is one of ``default_run`` (the latest if None). Raises ConfigError that lists what there is.
        """
        run, variant = self._run(text), None
        head, colon, tail = text.partition(":")
        if run is None and colon:
            run, variant = self._run(head), tail
        if run is None:
            run, variant = self.run_id(default_run or "latest"), text
        return Named(run, variant, run in self._complete, tuple(self._runs[:20]))

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


def _measured(records: RunRecords) -> tuple[Measurement, ...]:
    return tuple(result.measurement() for result in records.results if not result.pending)


@dataclass(frozen=True, slots=True)
class Compared:
    """The comparisons, one per suite and cell, and ``notes``: what of the two sides was not compared, one sentence each."""

    comparisons: tuple[Comparison, ...]
    notes: tuple[str, ...]


def compare_sides(a: Chosen[Measurement], b: Chosen[Measurement], *, wanted: Wanted | None = None) -> Compared:
    """Compare two sides suite by suite and cell by cell; as :func:`partners` pairs them."""
    found = partners(a, b)
    sides = [
        Counted(suite, a.side(left), b.side(right), evidence_of(left, right)) for suite, left, right in found.pairs
    ]
    return Compared(compare_sides_of(sides, b.gates, wanted or Wanted()), found.notes)


def compare_sides_of(sides: Sequence[Counted], gates: Sequence[GateOutcome], wanted: Wanted) -> tuple[Comparison, ...]:
    """The comparisons of ``sides`` that were counted, with the ``gates`` of the candidate's run that speak about them.

    With a margin, ``no_regression`` with that margin is judged beside them.
    """
    asked: Sequence[GateOutcome | None] = [None] * len(sides)
    if wanted.margin is not None:
        asked = judge_margin(sides, margin=wanted.margin, confidence=wanted.confidence)
    return tuple(
        replace(
            compare_evidence(one.found, a_side=one.a, b_side=one.b, suite=one.suite, wanted=wanted),
            gates=(*gates_about(one.a, one.b, gates, suite=one.suite), *([margin] if margin else [])),
        )
        for one, margin in zip(sides, asked, strict=True)
    )


@dataclass(frozen=True, slots=True)
class Partners(Generic[R]):
    """What is to be compared, as ``(suite, rows before, rows after)``, and ``notes``: what is left out, one sentence each."""

    pairs: tuple[tuple[str, list[R], list[R]], ...]
    notes: tuple[str, ...]


def partners(a: Chosen[R], b: Chosen[R]) -> Partners[R]:
    """Find the partner of everything on one side. Two whole runs are paired variant by variant.

    What has no namesake is paired if it is all that its side has of a suite: a suite that ran with v1 then and with v2 now, or two
    variants with different models. Raises ConfigError when the sides have nothing in common.
    """
    left, right = _groups(_beside(a, b)), _groups(_beside(b, a))
    pairs = {key: key for key in left if key in right} | _lone_pairs(left, right)
    if not pairs:
        raise ConfigError("the two sides share no suite and variant", hint="name a variant on each side: RUN:VARIANT")
    notes = (*_left_out(a, left, pairs), *_left_out(b, right, pairs.values()))
    return Partners(tuple((key.suite, left[key], right[other]) for key, other in pairs.items()), notes)


class _Key(NamedTuple):
    """What two groups of trials must share to be compared; ``variant`` is empty when the user named it."""

    suite: str
    cell: str
    variant: str


def _beside(side: Chosen[R], other: Chosen[R]) -> Chosen[R]:
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


def _groups(side: Chosen[R]) -> dict[_Key, list[R]]:
    groups: dict[_Key, list[R]] = {}
    for row in side.rows:
        key = _Key(row.suite, row.cell, row.variant if side.variant is None else "")
        groups.setdefault(key, []).append(row)
    return groups


def _lone_pairs(a: Iterable[_Key], b: Iterable[_Key]) -> dict[_Key, _Key]:
    """The one group that each side has of a suite, where their cells or variants differ."""
    ones_a, ones_b = _ones(a), _ones(b)
    return {key: ones_b[suite] for suite, key in ones_a.items() if suite in ones_b}


def _ones(keys: Iterable[_Key]) -> dict[str, _Key]:
    keys = list(keys)
    counts = Counter(key.suite for key in keys)
    return {key.suite: key for key in keys if counts[key.suite] == 1}


def _left_out(side: Chosen[R], groups: Mapping[_Key, Sequence[R]], compared: Iterable[_Key]) -> list[str]:
    notes = [] if side.complete else [f"run {side.run_id} is incomplete: only what it measured is compared"]
    paired = set(compared)
    missing = [f"{rows[0].suite} {rows[0].label}" for key, rows in groups.items() if key not in paired]
    return notes + [f"only in run {side.run_id}, not compared: {name}" for name in missing]
