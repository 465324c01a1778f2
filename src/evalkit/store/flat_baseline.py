"""A baseline as a flat table, for Parquet: one row per trial, which also says what its variant and its file say."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from evalkit.errors import StoreError, SuiteError, Where
from evalkit.store.database.parquet import write_parquet
from evalkit.store.database.query import read_parquet

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

SUFFIX = ".parquet"
"""What the name of such a file ends with."""

_FILE = ("format", "suite", "suite_path", "run_id", "started_at", "mode", "git_revision", "evalkit_version")
_VARIANT = ("label", "variant", "cell", "model")
_TRIAL = {
    "case_id": "varchar",
    "case_digest": "varchar",
    "repeat": "integer",
    "status": "varchar",
    "checks": 'struct("check" varchar, family varchar, status varchar, severity varchar)[]',
    "tags": "varchar[]",
    "cluster": "varchar",
    "cost_usd": "double",
    "latency_s": "double",
    "input_tokens": "bigint",
    "output_tokens": "bigint",
    "fresh": "boolean",
    "served": "varchar",
    "scores": 'struct("check" varchar, score double)[]',
}
_COLUMNS = {**dict.fromkeys((*_FILE, *_VARIANT), "varchar"), **_TRIAL}
_PARTS = {"checks": ("check", "family", "status", "severity"), "scores": ("check", "score")}
"""What an entry of the columns that hold lists of them consists of."""


def write_flat(path: Path, baseline: dict[str, Any]) -> None:
    """Write a baseline, given as its plain JSON, to an existing folder. Raises StoreError."""
    write_parquet(path, list(_COLUMNS.items()), _rows(baseline))


def _rows(baseline: dict[str, Any]) -> Iterator[list[Any]]:
    for variant in baseline["variants"]:
        head = [*(baseline[name] for name in _FILE), *(variant[name] for name in _VARIANT)]
        for trial in variant["trials"]:
            yield [*head, *(_flat(name, trial[name]) for name in _TRIAL)]


def _flat(name: str, value: Any) -> Any:  # noqa: ANN401 - a trial's fields are of many types
    return [dict(zip(_PARTS[name], one, strict=True)) for one in value] if name in _PARTS else value


def read_flat(path: Path) -> dict[str, Any]:
    """Read a Parquet file back into a baseline's plain JSON, which is then to be checked. Raises StoreError."""
    where = Where(str(path))
    try:
        rows = read_parquet(path)
    except SuiteError as error:
        raise StoreError(error.message, hint=_AGAIN, where=where) from error
    if not rows:
        raise StoreError("the baseline holds no trial", hint=_AGAIN, where=where)
    odd = sorted((set(rows[0]) | {"scores"}) ^ set(_COLUMNS))  # files of earlier versions have no scores
    if odd:
        known = "has a column too many" if odd[0] in rows[0] else "has no column"
        raise StoreError(f"not a baseline: it {known}: {odd[0][:80]!r}", hint=_AGAIN, where=where)
    files = {tuple(str(row[name]) for name in _FILE) for row in rows}
    if len(files) > 1:
        raise StoreError("not a baseline: its rows are of several runs or suites", hint=_AGAIN, where=where)
    variants: dict[tuple[str, ...], dict[str, Any]] = {}
    for row in rows:
        key = tuple(str(row[name]) for name in _VARIANT)
        variant = variants.setdefault(key, {**{name: row[name] for name in _VARIANT}, "trials": []})
        variant["trials"].append({name: _plain(name, row.get(name)) for name in _TRIAL})
    return {**{name: rows[0][name] for name in _FILE}, "variants": list(variants.values())}


_AGAIN = "write it again: evalkit baseline save"


def _plain(name: str, value: Any) -> Any:  # noqa: ANN401 - what the file holds is checked afterwards
    if name == "scores" and value is None:
        return []
    if name not in _PARTS or not isinstance(value, list):
        return value
    return [list(one.values()) if isinstance(one, dict) else one for one in value]
