"""A suite's measurements as one small file to commit: one line per trial, sorted, without a single answer."""

from __future__ import annotations

import json
import math
from dataclasses import dataclass, fields
from itertools import groupby
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from pydantic import TypeAdapter, ValidationError

from evalkit.errors import EvalkitError, StoreError, Where
from evalkit.files import fresh_file, read_text, shown
from evalkit.model.cases import Severity  # noqa: TC001 - pydantic reads the annotations below
from evalkit.model.results import PRIMARY, Family, Measurement, Status
from evalkit.store.flat_baseline import SUFFIX, read_flat, write_flat
from evalkit.store.journal.codec import encode, encode_whole

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from evalkit.model.results import RunInfo

FORMAT = "evalkit.baseline/1"
"""Version of the file's layout."""
SUFFIXES = (".json", SUFFIX)
"""What the name of a baseline file ends with."""
MAX_TRIALS = 200_000


@dataclass(frozen=True, slots=True)
class SavedTrial:
    """One trial of a saved variant: a :class:`evalkit.model.results.Measurement` without what its variant and file say."""

    case_id: str
    case_digest: str
    repeat: int
    status: Status
    checks: tuple[tuple[str, Family, Status, Severity], ...] = ()
    tags: tuple[str, ...] = ()
    cluster: str | None = None
    cost_usd: float | None = None
    latency_s: float | None = None
    input_tokens: int | None = None
    output_tokens: int | None = None
    fresh: bool = True
    served: str | None = PRIMARY
    scores: tuple[tuple[str, float], ...] = ()

    def __post_init__(self) -> None:
        for value in (self.repeat, self.cost_usd, self.latency_s, self.input_tokens, self.output_tokens):
            if value is not None and not 0 <= value < math.inf:
                raise ValueError(f"{value} is no number of 0 or more")
        for name, score in self.scores:
            if not 0 <= score <= 1:
                raise ValueError(f"{score} is no score from 0 to 1 ({name[:80]!r})")


@dataclass(frozen=True, slots=True)
class SavedVariant:
    """The trials of one label."""

    label: str
    variant: str
    cell: str
    model: str
    trials: tuple[SavedTrial, ...]


@dataclass(frozen=True, slots=True)
class SavedBaseline:
    """A baseline file: where its trials come from, and the trials. Times are ISO 8601 in UTC."""

    format: Literal["evalkit.baseline/1"]
    suite: str
    suite_path: str
    run_id: str
    started_at: str
    mode: str
    git_revision: str | None
    evalkit_version: str
    variants: tuple[SavedVariant, ...]

    def measurements(self) -> tuple[Measurement, ...]:
        """The trials as rows that comparisons and gates work on."""
        return tuple(
            Measurement(
                suite=self.suite,
                suite_path=self.suite_path,
                variant=one.variant,
                cell=one.cell,
                label=one.label,
                model=one.model,
                tags=frozenset(trial.tags),
                **{name: getattr(trial, name) for name in _ALIKE},
            )
            for one in self.variants
            for trial in one.trials
        )


_ALIKE = tuple(one.name for one in fields(SavedTrial) if one.name != "tags")


def saved_baseline(run: RunInfo, rows: Sequence[Measurement]) -> SavedBaseline:
    """The measurements of one suite in ``run``, sorted so that two files of the same suite differ little."""
    ordered = sorted(rows, key=lambda row: (row.label, row.case_id, row.case_digest, row.repeat))
    return SavedBaseline(
        format="evalkit.baseline/1",
        suite=rows[0].suite,
        suite_path=rows[0].suite_path,
        run_id=run.run_id,
        started_at=run.started_at,
        mode=run.mode,
        git_revision=run.git_revision,
        evalkit_version=run.evalkit_version,
        variants=tuple(_variant(list(group)) for _, group in groupby(ordered, key=lambda row: row.label)),
    )


def _variant(rows: Sequence[Measurement]) -> SavedVariant:
    trials = tuple(
        SavedTrial(tags=tuple(sorted(row.tags)), **{name: getattr(row, name) for name in _ALIKE}) for row in rows
    )
    return SavedVariant(rows[0].label, rows[0].variant, rows[0].cell, rows[0].model, trials)


def write_baseline(path: Path, baseline: SavedBaseline) -> None:
    """Write the file whole or not at all: Parquet if its name says so, else JSON. Raises StoreError."""
    text = "\n".join(_lines(baseline)) + "\n"
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with fresh_file(path) as temporary:
            if path.suffix == SUFFIX:
                write_flat(temporary, encode_whole(baseline))
            else:
                temporary.write_bytes(text.encode("utf-8", "replace"))
    except OSError as error:
        raise StoreError(
            f"cannot write the baseline: {error.strerror or error}",
            hint="the folder must be writable, with room in it",
            where=Where(str(path)),
        ) from error


def _lines(baseline: SavedBaseline) -> Iterator[str]:
    yield "{"
    for one in fields(SavedBaseline):
        if one.name != "variants":
            yield f"{_json(one.name)}: {_json(getattr(baseline, one.name))},"
    yield '"variants": ['
    for last, variant in _last(baseline.variants):
        head = ", ".join(f'"{name}": {_json(getattr(variant, name))}' for name in ("label", "variant", "cell", "model"))
        yield f'{{{head}, "trials": ['
        for end, trial in _last(variant.trials):
            yield f"{_json(encode(trial))}{'' if end else ','}"
        yield f"]}}{'' if last else ','}"
    yield "]}"


def _last(items: Sequence[Any]) -> Iterable[tuple[bool, Any]]:
    return ((place == len(items), item) for place, item in enumerate(items, 1))


def _json(value: object) -> str:
    return json.dumps(value, ensure_ascii=False, allow_nan=False)


def read_baseline(path: Path) -> SavedBaseline:
    """Read a baseline file, JSON or Parquet: anything that is not exactly this format is refused. Raises StoreError."""
    where = Where(shown(path, Path.cwd()))
    try:
        text = _json(read_flat(path)) if path.suffix == SUFFIX else read_text(path, where=where)
        plain = json.loads(text, object_pairs_hook=_unique, parse_constant=_no_constant)
    except (ValueError, RecursionError) as error:
        raise _not_json(error, where) from error
    except EvalkitError as error:
        raise StoreError(error.message, hint=error.hint, where=error.where or where) from error
    found = plain.get("format") if isinstance(plain, dict) else None
    if found != FORMAT:
        raise StoreError(f"not a baseline of format {FORMAT}: {str(found)[:60]!r}", hint=_AGAIN, where=where)
    try:
        baseline = TypeAdapter(SavedBaseline).validate_json(text, strict=True, extra="forbid")
    except (ValidationError, RecursionError) as error:
        raise StoreError(f"not a baseline: {_first(error)}", hint=_AGAIN, where=where) from error
    _must_be_sound(baseline, where)
    return baseline


_AGAIN = "write it again: evalkit baseline save"


def _not_json(error: Exception, where: Where) -> StoreError:
    line, problem = where.line, str(error)
    if isinstance(error, json.JSONDecodeError):
        line, problem = error.lineno, f"{error.msg} in column {error.colno}"
    elif isinstance(error, RecursionError):
        problem = "nested too deep"
    elif "integer string conversion" in problem:
        problem = "a number of thousands of digits"
    return StoreError(f"not a baseline: {problem}", hint=_AGAIN, where=Where(where.path, line))


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        raise ValueError("a key is there twice")
    return found


def _no_constant(name: str) -> None:
    raise ValueError(f"{name} is no JSON")


def _first(error: ValidationError | RecursionError) -> str:
    if isinstance(error, RecursionError):
        return "nested too deep"
    found = error.errors(include_url=False, include_context=False, include_input=False)[0]
    return f"{'.'.join(str(part) for part in found['loc'])}: {found['msg']}"


def _must_be_sound(baseline: SavedBaseline, where: Where) -> None:
    count = sum(len(one.trials) for one in baseline.variants)
    if count > MAX_TRIALS:
        raise StoreError(
            f"{count:,} trials; the limit is {MAX_TRIALS:,}",
            hint="save a baseline of fewer suites or repeats",
            where=where,
        )
    seen: set[tuple[str, str, str, int]] = set()
    for one in baseline.variants:
        for trial in one.trials:
            key = (one.label, trial.case_id, trial.case_digest, trial.repeat)
            if key in seen:
                raise StoreError(f"a trial of case {trial.case_id[:80]!r} is there twice", hint=_AGAIN, where=where)
            seen.add(key)
    if not seen:
        raise StoreError("the baseline holds no trial", hint=_AGAIN, where=where)
