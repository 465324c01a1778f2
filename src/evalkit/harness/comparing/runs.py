"""Two sides that a user names, compared: counted by the database where it knows both, out of the journals where it does not."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING

from evalkit.compare.evidence import Evidence
from evalkit.compare.gates.compared import Counted
from evalkit.compare.kinds import CaseKind, CaseTable, Outcome
from evalkit.compare.pair import errors_moved_it, flip_kind, most_urgent_first
from evalkit.compare.scores import ScoredCases, ScoreTable
from evalkit.compare.statistics.ratios import RatioMoments
from evalkit.compare.values import Flip
from evalkit.errors import ConfigError, StoreError
from evalkit.harness.comparing.sides import Compared, History, Named, compare_sides, compare_sides_of, partners
from evalkit.store.baselines import SUFFIXES, read_baseline
from evalkit.store.counting.counted import STATUSES
from evalkit.store.counting.paired import paired_runs
from evalkit.store.database.ingest import DATABASE_FILE, ingest

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from evalkit.compare.compare import Wanted
    from evalkit.config import Config
    from evalkit.harness.comparing.sides import Chosen
    from evalkit.model.results import Measurement
    from evalkit.store.counting.paired import CountedPair, FlipRow, Meanings, PairedRuns, Verdicts
    from evalkit.store.counting.scored import ScoreRow

_WAIT_S = 2.0
"""Seconds to wait for a database that another process holds, before the journals are read instead."""


def compare_named(config: Config, a: str, b: str, *, wanted: Wanted, run_id: str | None = None) -> Compared:
    """Compare what ``a`` and ``b`` name, each a run, ``latest``, a variant of ``run_id`` (the latest if None), ``RUN:VARIANT``, or a file of
    ``evalkit baseline save``, with ``:VARIANT`` or without.

    The database answers, brought up to date if need be; the same figures come from the journals where it cannot. Raises ConfigError
    for a side that there is not, StoreError for journals or files that cannot be read.
    """
    files = [_file_named(config, text) for text in (a, b)]
    history = History(config)
    if not any(files):
        left, right = (history.named(text, default_run=run_id) for text in (a, b))
        found = _counted(config, left, right, wanted)
        if found is not None:
            return found
    sides = [
        history.choose(text, default_run=run_id) if file is None else _of_file(*file)
        for text, file in zip((a, b), files, strict=True)
    ]
    return compare_sides(*sides, wanted=wanted)


def _file_named(config: Config, text: str) -> tuple[Path, str | None] | None:
    """The baseline file and the variant that ``text`` names, from the current folder or the project's; None if it names no file.

    Files are told by the ends of their names. Raises ConfigError for one that is not there.
    """
    head, colon, tail = text.rpartition(":")
    for name, variant in ((text, None), (head, tail)) if colon else ((text, None),):
        if Path(name).suffix in SUFFIXES:
            found = next((path for path in (Path.cwd() / name, config.root / name) if path.is_file()), None)
            if found is None:
                raise ConfigError(f"there is no file {name}", hint="evalkit baseline save writes one; or name a run")
            return found, variant
    return None


def _of_file(path: Path, variant: str | None) -> Chosen[Measurement]:
    saved = read_baseline(path)
    return Named(saved.run_id, variant, complete=True).among(saved.measurements())


def _counted(config: Config, a: Named, b: Named, wanted: Wanted) -> Compared | None:
    """The comparison by the database; None if it does not know all that the journals say, or cannot be opened."""
    database, journals = config.folder("reports") / DATABASE_FILE, config.journals
    for fresh in (False, True):
        try:
            if fresh:
                ingest(journals, database, wait_s=_WAIT_S)
            with paired_runs(database, journals, a.run_id, b.run_id, wait_s=_WAIT_S) as runs:
                if runs is not None:
                    return None if runs.doubtful else compare_counted(runs, a, b, wanted)
        except StoreError:
            continue  # the journals say the same, and they say what is wrong with them
    return None


def compare_counted(runs: PairedRuns, a: Named, b: Named, wanted: Wanted) -> Compared:
    """Compare two sides of the runs that the database pairs. Raises ConfigError where :func:`compare_named` does."""
    left, right = a.among(runs.groups("a")), b.among(runs.groups("b"))
    found = partners(left, right)
    counted, meanings = runs.count([(before, after) for _, before, after in found.pairs])
    sides = [
        Counted(suite, left.side(before), right.side(after), _evidence(one, meanings))
        for one, (suite, before, after) in zip(counted, found.pairs, strict=True)
    ]
    return Compared(compare_sides_of(sides, runs.gates(), wanted), found.notes)


def _evidence(found: CountedPair, meanings: Meanings) -> Evidence:
    """What the database counted, as comparisons want it."""
    only_a, only_b, changed, lost = _alone(found)
    (trials_a, errors_a), (trials_b, errors_b) = found.totals
    return Evidence(
        table=_table(found, meanings),
        flips=most_urgent_first(map(_flip, found.flips)),
        only_a=only_a,
        only_b=only_b,
        changed=changed,
        lost=lost,
        errors_a=errors_a,
        errors_b=errors_b,
        trials_a=trials_a,
        trials_b=trials_b,
        error_cases_a=tuple(dict.fromkeys(case for case, before, _ in found.errors if before)),
        error_cases_b=tuple(dict.fromkeys(case for case, _, after in found.errors if after)),
        ratios={name: None if ratio is None else RatioMoments(*ratio) for name, ratio in found.ratios.items()},
        scores=_scores(found.scores),
    )


def _scores(rows: Iterable[ScoreRow]) -> dict[str, ScoreTable]:
    """The scores that the database counted, by check."""
    groups: dict[str, list[ScoreRow]] = {}
    for row in rows:
        if len(row.a) + row.lost_a + row.unknown_a and len(row.b) + row.lost_b + row.unknown_b:
            groups.setdefault(row.check, []).append(row)
    return {check: _score_table(group) for check, group in groups.items()}


def _score_table(rows: Sequence[ScoreRow]) -> ScoreTable:
    """What could not be measured scores 0 (intention to treat)."""
    kinds = (
        ScoredCases((0.0,) * row.lost_a + row.a, (0.0,) * row.lost_b + row.b, row.cluster, row.cases) for row in rows
    )
    unknown = sum(row.cases * (row.unknown_a + row.unknown_b) for row in rows)
    known = sum(row.cases * (len(row.a) + row.lost_a + len(row.b) + row.lost_b) for row in rows)
    return ScoreTable(tuple(kinds), known + unknown, unknown)


def _flip(row: FlipRow) -> Flip:
    case, passed_a, draws_a, passed_b, draws_b, tags, *errors = row
    before, after = (passed_a, draws_a), (passed_b, draws_b)
    kind = flip_kind(before, after)
    return Flip(
        case, kind, before, after, tags=tags, error=errors_moved_it(kind, before, after, (errors[0], errors[1]))
    )


def _table(found: CountedPair, meanings: Meanings) -> CaseTable:
    places: dict[Outcome, int] = {}
    counts: Counter[tuple[tuple[int, ...], tuple[int, ...], str | None]] = Counter()

    def place(number: int, meaning: Verdicts) -> int:
        outcome = Outcome(STATUSES[number % 3], meaning[number // 3])  # type: ignore[arg-type]  # the columns' own words
        return places.setdefault(outcome, len(places))

    for a, b, cluster, cases in found.kinds:
        counts[tuple(place(n, meanings.a) for n in a), tuple(place(n, meanings.b) for n in b), cluster] += cases
    return CaseTable(tuple(places), tuple(CaseKind(*key, cases) for key, cases in counts.items()))


def _alone(found: CountedPair) -> tuple[tuple[str, ...], tuple[str, ...], tuple[str, ...], float]:
    """The cases of one side only, those that changed, and what the former would change at worst."""
    before, after = ([one for one in found.alone if one[0] == side] for side in (True, False))
    changed = {case for _, case, *_ in before} & {case for _, case, *_ in after}
    lone_a, lone_b = ([one for one in side if one[1] not in changed] for side in (before, after))
    lost = sum(-passed / draws for _, _, passed, draws in lone_a)
    lost += sum(passed / draws - 1.0 for _, _, passed, draws in lone_b)
    return (
        tuple(case for _, case, *_ in lone_a),
        tuple(case for _, case, *_ in lone_b),
        tuple(sorted(changed)),
        lost,
    )
