"""A run while it goes on, read from its growing journals: no lock is taken, and nothing is read twice."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from evalkit.store.journal.lines import scan

if TYPE_CHECKING:
    from pathlib import Path

    from evalkit.store.journal.lines import Line

LAST = 200
"""Finished trials that are remembered, the newest ones."""


@dataclass(frozen=True, slots=True)
class FinishedTrial:
    """A trial that has its result. ``number`` counts them from 1 in the order they were read; ``failed_checks`` failed or could not judge."""

    number: int
    test_id: str
    repeat: int
    suite: str
    case_id: str
    label: str
    status: str
    failed_checks: list[str]


@dataclass(frozen=True, slots=True)
class LiveRun:
    """Where a run stands. ``done``, ``passed``, ``failed`` and ``errors`` count trials, ``skipped`` those skipped on purpose, ``planned`` is
    None until the run knows; ``calls`` are settled, ``in_flight`` were announced and are not. ``paid_usd`` is what is known to be paid.

    ``ended`` says that the run came to its end, ``quiet`` that nothing was written for a while. ``trials`` are the last ones.
    """

    run_id: str
    started_at: str | None = None
    mode: str | None = None
    planned: int | None = None
    done: int = 0
    passed: int = 0
    failed: int = 0
    errors: int = 0
    skipped: int = 0
    calls: int = 0
    in_flight: int = 0
    paid_usd: float = 0.0
    ended: bool = False
    quiet: bool = False
    trials: list[FinishedTrial] = field(default_factory=list)


@dataclass(slots=True)
class _File:
    """How far a journal was read: bytes, records, and which calls (by record number) have no answer."""

    offset: int = 0
    records: int = 0
    failures: set[int] = field(default_factory=set)


class Follower:
    """Follows the journals of one run; one thread at a time. Records that make no sense are passed over: the report will name them."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._files: dict[str, _File] = {}
        self._status: dict[tuple[str, int], str] = {}
        self._skips: dict[str, int] = {}
        self._intents: set[str] = set()
        self._settled: set[str] = set()
        self._trials: deque[FinishedTrial] = deque(maxlen=LAST)
        self._numbers = 0
        self._run: dict[str, Any] = {}
        self._planned: int | None = None
        self._calls = 0
        self._paid_usd = 0.0
        self._ended = False

    def read(self) -> bool:
        """Read what was appended since the last time; whether there was anything. Raises StoreError if a journal cannot be read."""
        before = [(name, file.offset) for name, file in self._files.items()]
        for path in sorted(self._folder.glob("*.jsonl")):
            if not path.is_symlink() and path.is_file():
                self._read(path, self._files.setdefault(path.name, _File()))
        return before != [(name, file.offset) for name, file in self._files.items()]

    def state(self, *, quiet: bool) -> LiveRun:
        """Where the run stands, as far as it was read."""
        statuses = list(self._status.values())
        return LiveRun(
            run_id=self._folder.name,
            started_at=_text(self._run.get("started_at")),
            mode=_text(self._run.get("mode")),
            planned=self._planned,
            done=len(statuses),
            passed=statuses.count("pass"),
            failed=statuses.count("fail"),
            errors=statuses.count("error"),
            skipped=sum(self._skips.values()),
            calls=self._calls,
            in_flight=len(self._intents - self._settled),
            paid_usd=self._paid_usd,
            ended=self._ended,
            quiet=quiet and not self._ended,
            trials=list(self._trials),
        )

    def _read(self, path: Path, file: _File) -> None:
        for line in scan(path, offset=file.offset):
            if line.body is None and line.last:
                return  # half a record: the rest is still to come
            file.offset, file.records = line.end, file.records + 1
            try:
                self._take(line, file)
            except (KeyError, TypeError, ValueError, AttributeError, OverflowError):
                continue

    def _take(self, line: Line, file: _File) -> None:
        record = line.record
        if record is None:
            return
        kind = record["t"]
        if kind == "result":
            self._result(record, file)
        elif kind == "call":
            self._call(record, file)
        elif kind == "intent":
            self._intents.add(record["key"])
        elif kind == "plan":
            self._planned = max(self._planned or 0, int(record["planned"]))
        elif kind == "skip":
            self._skips[record["test"]] = int(record["trials"])
        elif kind in {"run", "end"}:
            self._run = record["run"]
            self._ended = self._ended or kind == "end"

    def _call(self, record: dict[str, Any], file: _File) -> None:
        call = record["call"]
        self._calls += 1
        self._settled.add(record["key"])
        if "text" not in call["reply"]:
            file.failures.add(file.records)
        if call["source"] == "live":
            self._paid_usd += call.get("cost_usd") or 0.0

    def _result(self, record: dict[str, Any], file: _File) -> None:
        trial, verdicts = record["trial"], record["verdicts"]
        case, label, suite = map(_name, (trial["case"]["id"], trial["variant"]["label"], trial["suite"]))
        counting = [one for one in verdicts if one.get("severity", "fail") == "fail"]
        statuses = {one["status"] for one in counting}
        failed = record["call"]["n"] in file.failures or "error" in statuses
        status = "error" if failed else "fail" if "fail" in statuses else "pass"
        test_id, repeat = f"{trial['suite_path']}::{case}[{label}]", int(trial["repeat"])
        self._status[test_id, repeat] = status
        self._numbers += 1
        checks = [_name(one["check"]) for one in counting if one["status"] in {"fail", "error"}]
        self._trials.append(FinishedTrial(self._numbers, test_id, repeat, suite, case, label, status, checks))


def _name(value: object) -> str:
    if not isinstance(value, str):
        raise TypeError(f"{value!r:.40} is no name")
    return value


def _text(value: object) -> str | None:
    return value if isinstance(value, str) else None
