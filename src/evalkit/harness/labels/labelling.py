"""A file of people's labels, made to say exactly which stored answers it is about."""

from __future__ import annotations

import csv
import io
import json
from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from evalkit.errors import SuiteError, Where, did_you_mean
from evalkit.files import read_text
from evalkit.model.calls import Response
from evalkit.model.results import Label
from evalkit.store.database.query import MAX_ROWS, read_parquet

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence
    from pathlib import Path

    from evalkit.model.results import Result

COLUMNS = ("case", "check", "label", "variant", "repeat", "suite", "by")
"""The columns of a file of labels; the first three must be there."""
_WORDS = {"pass": True, "fail": False, "true": True, "false": False, "yes": True, "no": False, "1": True, "0": False}


@dataclass(frozen=True, slots=True)
class _Row:
    where: Where
    values: Mapping[str, str]

    def wrong(self, message: str, hint: str | None = None) -> SuiteError:
        return SuiteError(message, hint=hint, where=self.where)


def read_labels(path: Path, results: Sequence[Result], *, at: str) -> tuple[Label, ...]:
    """Read a CSV, JSON Lines or Parquet file of labels about answers of one run, given at the time ``at``.

    Columns: ``case``, ``check``, ``label`` (pass or fail), and where that leaves several answers ``variant``, ``repeat``, ``suite``; ``by`` says
    who. Raises one SuiteError with every mistake: a row that means no answer or several, or contradicts another.
    """
    index: dict[str, list[Result]] = {}
    for result in results:
        index.setdefault(result.trial.case.id, []).append(result)
    found: dict[tuple[str, int, str, str], Label] = {}
    problems: list[SuiteError] = []
    for row in _rows(path):
        try:
            for label in _resolved(row, index, at):
                key = (label.test_id, label.repeat, label.check, label.by)
                if found.setdefault(key, label).passed != label.passed:
                    raise row.wrong(
                        "the row says the opposite of another", "one label for each answer, check and person"
                    )
        except SuiteError as error:
            problems.append(error)
    if problems:
        raise SuiteError.of(problems)
    if not found:
        raise SuiteError("the file holds no labels", hint=f"columns: {', '.join(COLUMNS)}", where=Where(str(path)))
    return tuple(found.values())


def numbered_checks(result: Result) -> list[str]:
    """The names of a trial's checks in order, the second of one name with a number behind: ``rubric (2)``."""
    seen: Counter[str] = Counter()
    names = []
    for verdict in result.verdicts:
        seen[verdict.check] += 1
        number = seen[verdict.check]
        names.append(verdict.check if number == 1 else f"{verdict.check} ({number})")
    return names


def _resolved(row: _Row, index: Mapping[str, Sequence[Result]], at: str) -> Iterable[Label]:
    values = row.values
    passed = _WORDS.get(values["label"].strip().lower())
    if passed is None:
        raise row.wrong(f"the label is {values['label'][:40]!r}", "write pass or fail")
    trials = _narrowed(row, index.get(values["case"], ()), index)
    check = values["check"]
    judged = [result for result in trials if check in numbered_checks(result)]
    if not judged:
        names = {name for result in trials for name in numbered_checks(result)}
        raise row.wrong(f"no check {check[:60]!r} judged case {values['case'][:60]!r}", did_you_mean(check, names))
    answers = {result.reply.text for result in judged if isinstance(result.reply, Response)}
    if len(answers) > 1:
        raise row.wrong(
            f"case {values['case'][:60]!r} has {len(answers)} different answers, and the row does not say which was labelled",
            "add the columns variant, repeat or suite",
        )
    return [
        Label(
            suite_path=result.trial.suite_path,
            case_id=result.trial.case.id,
            variant=result.trial.variant.label,
            repeat=result.trial.repeat,
            check=check,
            passed=passed,
            by=values.get("by", ""),
            at=at,
        )
        for result in judged
    ]


def _narrowed(row: _Row, trials: Sequence[Result], index: Mapping[str, object]) -> list[Result]:
    values = row.values
    if not trials:
        raise row.wrong(f"the run has no case {values['case'][:60]!r}", did_you_mean(values["case"], index))
    left = list(trials)
    for column, names in (
        ("suite", lambda one: {one.trial.suite, one.trial.suite_path}),
        ("variant", lambda one: {one.trial.variant.name, one.trial.variant.label}),
        ("repeat", lambda one: {str(one.trial.repeat)}),
    ):
        wanted = values.get(column, "")
        if wanted:
            known = {name for one in left for name in names(one)}
            left = [one for one in left if wanted in names(one)]
            if not left:
                raise row.wrong(f"there is no answer of {column} {wanted[:60]!r}", did_you_mean(wanted, known))
    return left


def _rows(path: Path) -> Iterator[_Row]:
    """The rows with their lines (or numbers, for Parquet), as text; a strange or missing column is an error."""
    for number, (line, values) in enumerate(_raw(path), 1):
        where = Where(str(path), line)
        if number > MAX_ROWS:
            raise SuiteError(f"the file has more than {MAX_ROWS:,} rows", hint="split the file", where=where)
        for name in values:
            if name not in COLUMNS:
                raise SuiteError(
                    f"unknown column {str(name)[:60]!r}", hint=did_you_mean(str(name), COLUMNS), where=where
                )
        plain = {name: _word(value) for name, value in values.items() if value is not None}
        for name in COLUMNS[:3]:
            if not plain.get(name, "").strip():
                raise SuiteError(f"the row has no {name}", hint=f"columns: {', '.join(COLUMNS)}", where=where)
        yield _Row(where, plain)


def _word(value: Any) -> str:  # noqa: ANN401 - a cell
    return str(value).lower() if isinstance(value, bool) else str(value)


def _raw(path: Path) -> Iterator[tuple[int, dict[Any, Any]]]:
    if path.suffix == ".parquet":
        yield from enumerate(read_parquet(path), 1)
        return
    where = Where(str(path))
    if path.suffix == ".csv":
        reader = csv.DictReader(io.StringIO(read_text(path, where=where), newline=""), strict=True)
        try:
            for row in reader:
                yield reader.line_num, row
        except csv.Error as error:
            raise SuiteError(
                f"not CSV: {error}", hint="check the quotes of this line", where=Where(str(path), reader.line_num)
            ) from error
        return
    if path.suffix not in {".jsonl", ".ndjson"}:
        raise SuiteError(f"{path.name!r} is no file of labels", hint="write .csv, .jsonl or .parquet", where=where)
    for number, line in enumerate(read_text(path, where=where).split("\n"), 1):
        if line.strip():
            yield number, _object(line, Where(str(path), number))


def _object(line: str, where: Where) -> dict[Any, Any]:
    try:
        value = json.loads(line)
    except (ValueError, RecursionError) as error:
        raise SuiteError(f"not JSON: {error}", hint="every line holds one JSON object", where=where) from error
    if not isinstance(value, dict):
        raise SuiteError(
            "the line holds no object", hint='every line is one JSON object: {"test": …, "label": …}', where=where
        )
    return value
