"""People's labels stored beside a run, and the run's judges beside what people say."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from evalkit.compare.stats import cohen_kappa, ppi_mean, rogan_gladen, wilson
from evalkit.errors import ConfigError
from evalkit.harness.comparing.sides import History
from evalkit.harness.facts import utc_now
from evalkit.harness.labels.labelling import read_labels
from evalkit.report.calibration import Calibration, CalibrationReport, CorrectedVariant, Share
from evalkit.store.database.connection import WAIT_S
from evalkit.store.database.ingest import DATABASE_FILE, ingest
from evalkit.store.journal.reader import read_run
from evalkit.store.journal.writer import Journal
from evalkit.store.labels.counted import count_labelled

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence
    from pathlib import Path

    from evalkit.compare.stats import Rectified
    from evalkit.config import Config
    from evalkit.store.labels.counted import VerdictCount

_Table = Counter[tuple[str, str]]
"""Counts by (what people say, the verdict)."""


def calibrate(config: Config, run: str, labels: Path | None = None, *, confidence: float = 0.95) -> CalibrationReport:
    """Compare the verdicts of ``run`` with people's labels, after those of the file ``labels`` are stored with it.

    Labels are journaled before they are used. Labels of earlier runs count where the answer is the same. Raises SuiteError for a file with
    mistakes (nothing is stored then), ConfigError for an unknown run or without any label, StoreError.
    """
    run_id = History(config).run_id(run)
    root, database = config.journals, config.folder("reports") / DATABASE_FILE
    stored = 0 if labels is None else _store(root, run_id, labels)
    ingest(root, database)
    checks = calibrations(database, run_id, confidence=confidence)
    if not checks:
        raise ConfigError(
            f"no answer of run {run_id} has a label and a verdict",
            hint="name a file of labels: evalkit calibrate labels.csv, with the columns case, check, label",
        )
    return CalibrationReport(run_id, stored, checks)


def calibrations(
    database: Path, run_id: str, *, confidence: float = 0.95, wait_s: float = WAIT_S
) -> tuple[Calibration, ...]:
    """The checks of ``run_id`` beside the labels that are stored, those with a label only. Raises StoreError."""
    return calibrations_of(count_labelled(database, run_id, wait_s=wait_s), confidence=confidence)


def calibrations_of(counts: Iterable[VerdictCount], *, confidence: float = 0.95) -> tuple[Calibration, ...]:
    """Each check that has a labelled verdict beside what people say, from counted verdicts."""
    tables: dict[tuple[str, str], list[VerdictCount]] = {}
    for row in counts:
        tables.setdefault((row.suite, row.check), []).append(row)
    found = (_calibration(key, rows, confidence) for key, rows in tables.items())
    return tuple(one for one in found if one is not None)


def _store(root: Path, run_id: str, path: Path) -> int:
    records = read_run(root / run_id)
    labels = read_labels(path, records.results, at=utc_now().isoformat())
    journal = Journal(root, records.run, worker="labels")
    journal.append_labels(labels)
    journal.close()
    return len(labels)


def _calibration(key: tuple[str, str], rows: Sequence[VerdictCount], confidence: float) -> Calibration | None:
    whole: _Table = Counter()
    variants: dict[str, _Table] = {}
    for row in rows:
        whole[row.person, row.verdict] += row.count
        variants.setdefault(row.label, Counter())[row.person, row.verdict] += row.count
    cells = [whole[person, verdict] for person in ("pass", "fail") for verdict in ("pass", "fail")]
    if not sum(cells):
        return None
    agreed = cohen_kappa(cells[0], cells[1], cells[2], cells[3], confidence)
    return Calibration(
        suite=key[0],
        check=key[1],
        both_pass=cells[0],
        person_pass_judge_fail=cells[1],
        person_fail_judge_pass=cells[2],
        both_fail=cells[3],
        errors=sum(whole[person, "error"] for person in ("pass", "fail")),
        split=sum(count for (person, _), count in whole.items() if person == "split"),
        agreement=agreed.agreement,
        kappa=agreed.kappa,
        kappa_interval=agreed.interval,
        sensitivity=_share(cells[0], cells[0] + cells[1], confidence),
        specificity=_share(cells[3], cells[2] + cells[3], confidence),
        youden_j=agreed.youden_j,
        variants=tuple(_variants(variants, cells, agreed.youden_j, confidence)),
    )


def _share(count: int, of: int, confidence: float) -> Share | None:
    return Share(count, of, wilson(count, of, confidence)) if of else None


def _variants(
    tables: Mapping[str, _Table], cells: Sequence[int], youden: float | None, confidence: float
) -> Iterator[CorrectedVariant]:
    for label, table in tables.items():
        passed, failed = (sum(n for (_, one), n in table.items() if one == verdict) for verdict in ("pass", "fail"))
        if passed + failed:
            corrected = None
            if youden is not None and youden > 0:
                people = (cells[0], cells[0] + cells[1], cells[3], cells[2] + cells[3])
                corrected = rogan_gladen(passed, passed + failed, *people, confidence)
            yield CorrectedVariant(label, passed, passed + failed, corrected, _rectified(table, confidence))


def _rectified(table: _Table, confidence: float) -> Rectified | None:
    """The rate that the labels of this variant's own answers, and the verdicts on the others, point to."""
    people: list[float] = []
    judged: list[float] = []
    rest: list[float] = []
    for (person, verdict), count in table.items():
        value = [float(verdict == "pass")] * (count if verdict in {"pass", "fail"} else 0)
        if person in {"pass", "fail"}:
            people += [float(person == "pass")] * len(value)
            judged += value
        else:
            rest += value
    return ppi_mean(people, judged, rest, confidence, weight=None) if people and rest else None
