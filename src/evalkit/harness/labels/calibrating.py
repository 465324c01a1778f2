"""People's labels stored beside a run, and the run's judges beside what people say."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, NamedTuple

from evalkit.compare.statistics.intervals import effective_counts
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
    from collections.abc import Iterable, Iterator, Sequence
    from pathlib import Path

    from evalkit.compare.statistics.agreement import Cells
    from evalkit.compare.stats import Rectified
    from evalkit.config import Config
    from evalkit.store.labels.counted import JudgedCases

_CELLS = (("pass", "pass"), ("pass", "fail"), ("fail", "pass"), ("fail", "fail"))
"""What people say and the verdict, in the order of :data:`evalkit.compare.statistics.agreement.Cells`."""


class _Answers(NamedTuple):
    """``number`` answers that fared alike, in each of ``cases`` cases (or clusters) that are alike in all: those of the ``kind``."""

    kind: int
    cases: int
    label: str
    verdict: str
    person: str
    number: int

    @property
    def cell(self) -> tuple[str, str]:
        return self.person, self.verdict

    @property
    def total(self) -> int:
        return self.cases * self.number


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


def calibrations_of(cases: Iterable[JudgedCases], *, confidence: float = 0.95) -> tuple[Calibration, ...]:
    """Each check beside what people say, from its judged cases; the answers of one case are no independent ones."""
    checks: dict[tuple[str, str], list[_Answers]] = {}
    for kind, alike in enumerate(cases):
        told = checks.setdefault((alike.suite, alike.check), [])
        told += [_Answers(kind, alike.cases, *answers) for answers in alike.answers]
    return tuple(_calibration(key, told, confidence) for key, told in checks.items())


def _store(root: Path, run_id: str, path: Path) -> int:
    records = read_run(root / run_id)
    labels = read_labels(path, records.results, at=utc_now().isoformat())
    journal = Journal(root, records.run, worker="labels")
    journal.append_labels(labels)
    journal.close()
    return len(labels)


def _calibration(key: tuple[str, str], told: Sequence[_Answers], confidence: float) -> Calibration:
    labelled = [one for one in told if one.cell in _CELLS]
    both_pass, too_hard, too_soft, both_fail = (_count(one for one in told if one.cell == cell) for cell in _CELLS)
    agreed = cohen_kappa(both_pass, too_hard, too_soft, both_fail, confidence, cases=_tables(labelled))
    return Calibration(
        suite=key[0],
        check=key[1],
        both_pass=both_pass,
        person_pass_judge_fail=too_hard,
        person_fail_judge_pass=too_soft,
        both_fail=both_fail,
        errors=_count(one for one in told if one.person in {"pass", "fail"} and one.verdict == "error"),
        split=_count(_among(told, "split")),
        agreement=agreed.agreement,
        kappa=agreed.kappa,
        kappa_interval=agreed.interval,
        sensitivity=_share(_among(labelled, "pass"), "pass", confidence),
        specificity=_share(_among(labelled, "fail"), "fail", confidence),
        youden_j=agreed.youden_j,
        variants=tuple(_variants(told, labelled, agreed.youden_j, confidence)),
    )


def _count(answers: Iterable[_Answers]) -> int:
    return sum(one.total for one in answers)


def _among(answers: Iterable[_Answers], person: str) -> list[_Answers]:
    return [one for one in answers if one.person == person]


def _sizes(answers: Iterable[_Answers]) -> Counter[tuple[int, int]]:
    """How many of these answers each case has, by its kind and how many cases that kind has."""
    sizes: Counter[tuple[int, int]] = Counter()
    for one in answers:
        sizes[one.kind, one.cases] += one.number
    return sizes


def _alone(answers: Iterable[_Answers]) -> bool:
    """Whether no case has two of these answers."""
    return all(size == 1 for size in _sizes(answers).values())


def _tables(labelled: Sequence[_Answers]) -> list[Cells] | None:
    """The table of each case; None where every case has one answer, which is then nothing to reckon with."""
    if _alone(labelled):
        return None
    tables: dict[tuple[int, int], Counter[tuple[str, str]]] = {}
    for one in labelled:
        tables.setdefault((one.kind, one.cases), Counter())[one.cell] += one.number
    both_pass, too_hard, too_soft, both_fail = _CELLS
    found: list[Cells] = []
    for (_, cases), table in tables.items():
        found += [(table[both_pass], table[too_hard], table[too_soft], table[both_fail])] * cases
    return found


def _effective(answers: Sequence[_Answers], verdict: str, confidence: float) -> tuple[float, float]:
    """How many independent answers have this verdict, and of how many (Korn & Graubard 1998)."""
    having = _sizes(one for one in answers if one.verdict == verdict)
    return effective_counts([(having[alike], size, alike[1]) for alike, size in _sizes(answers).items()], confidence)


def _share(answers: Sequence[_Answers], verdict: str, confidence: float) -> Share | None:
    if not answers:
        return None
    count = _count(one for one in answers if one.verdict == verdict)
    return Share(count, _count(answers), wilson(*_effective(answers, verdict, confidence), confidence))


def _variants(
    told: Sequence[_Answers], labelled: Sequence[_Answers], youden: float | None, confidence: float
) -> Iterator[CorrectedVariant]:
    people = [_effective(_among(labelled, person), person, confidence) for person in ("pass", "fail")]
    for label in sorted({one.label for one in told}):
        judged = [one for one in told if one.label == label and one.verdict in {"pass", "fail"}]
        if judged:
            corrected = None
            if youden is not None and youden > 0:
                corrected = rogan_gladen(*_effective(judged, "pass", confidence), *people[0], *people[1], confidence)
            passed = _count(one for one in judged if one.verdict == "pass")
            yield CorrectedVariant(label, passed, _count(judged), corrected, _rectified(judged, confidence))


def _rectified(judged: Sequence[_Answers], confidence: float) -> Rectified | None:
    """The rate that the labels of this variant's own answers, and the verdicts on the others, point to."""
    own = [one for one in judged if one.cell in _CELLS]
    rest = [one for one in judged if one.cell not in _CELLS]
    alone = _alone(judged)
    least = 1 if alone else 2  # of one case nobody knows how cases vary
    if min(sum(cases for _, cases in _sizes(side)) for side in (own, rest)) < least:
        return None
    return ppi_mean(
        [float(one.person == "pass") for one in own for _ in range(one.total)],
        [float(one.verdict == "pass") for one in own for _ in range(one.total)],
        [float(one.verdict == "pass") for one in rest for _ in range(one.total)],
        confidence,
        weight=None,
        cases=None if alone else (_cases(own), _cases(rest)),
    )


def _cases(answers: Iterable[_Answers]) -> list[tuple[int, int]]:
    """The case of each answer."""
    return [(one.kind, case) for one in answers for case in range(one.cases) for _ in range(one.number)]
