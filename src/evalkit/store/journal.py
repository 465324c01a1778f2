"""The journal of one process: every call, verdict and gate of a run, on disk before anybody hears of it."""

from __future__ import annotations

import os
import re
import secrets
import time
from typing import TYPE_CHECKING, Any

from evalkit.errors import StoreError, Where
from evalkit.store.codec import encode, encode_call
from evalkit.store.commit import GroupWriter
from evalkit.store.lines import FORMAT, frame

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence
    from concurrent.futures import Future
    from pathlib import Path

    from evalkit.model.calls import Call, Request
    from evalkit.model.results import GateOutcome, PromptRecord, Result, RunInfo

_NO_FACTS: Mapping[str, Any] = {}
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,99}")


def _unchanged(value: Any) -> Any:  # noqa: ANN401 - plain JSON in, plain JSON out
    return value


class Journal:
    """An append-only file that only this process writes. Satisfies :class:`evalkit.engine.ports.Ledger`; thread-safe.

    Records are encoded and written by one thread. ``redact`` maps a record's plain JSON to plain JSON without secrets. Any error
    of writing is final: the run must stop, and what was acknowledged before is on disk.
    """

    def __init__(
        self, folder: Path, info: RunInfo, *, worker: str = "main", redact: Callable[[Any], Any] = _unchanged
    ) -> None:
        self.path, fd = _create(folder, info.run_id, worker)
        self._redact = redact
        self._written = 0
        self._calls: dict[tuple[str, str], tuple[Call, int]] = {}
        self._prompts: set[tuple[str, str]] = set()
        self._writer = GroupWriter(fd, self.path)
        started = self._put("run", lambda: {"run": encode(info)}, {"format": FORMAT}, durable=True)
        if started.exception() is not None:
            self._writer.close()  # raises what went wrong

    def intend(self, request: Request) -> None:
        """Note that a paid call is about to be sent. Raises StoreError if the journal has failed."""
        self._writer.check()
        at = time.time()
        self._put("intent", dict, {"key": request.key, "at": at})

    def settle(self, call: Call) -> Future[None]:
        """Write a settled call. The future resolves when a live call is on disk, at once for any other.

        It raises StoreError if the call, or anything before it, could not be written.
        """
        return self._writer.put(lambda: self._call_line(call), durable=call.source == "live")

    def append_plan(self, test_ids: Sequence[str], *, planned: int) -> None:
        """Write which tests were selected and how many trials they hold. Raises StoreError if the journal has failed."""
        self._writer.check()
        tests = list(test_ids)
        self._put("plan", lambda: {"tests": tests}, {"planned": planned})

    def append_skip(self, test_id: str, *, reason: str, trials: int) -> None:
        """Write that a test was skipped on purpose, so that its trials are accounted for. Raises StoreError if the journal has failed."""
        self._writer.check()
        self._put("skip", lambda: {"test": test_id, "reason": reason}, {"trials": trials})

    def append_prompt(self, prompt: PromptRecord) -> None:
        """Write a prompt version's full text, once per reference and digest. Raises StoreError if the journal has failed."""
        self._writer.check()
        if (prompt.ref, prompt.digest) not in self._prompts:
            self._prompts.add((prompt.ref, prompt.digest))
            self._put("prompt", lambda: {"prompt": encode(prompt)})

    def append_result(self, result: Result) -> None:
        """Write a measured trial. Calls that were not settled here are written too, so that the journal alone suffices.

        Raises StoreError if the journal has failed.
        """
        self._writer.check()
        self._writer.put(lambda: self._result_lines(result), durable=False)

    def append_gates(self, gates: Iterable[GateOutcome]) -> None:
        """Write what became of the gates. Raises StoreError if the journal has failed."""
        self._writer.check()
        outcomes = tuple(gates)
        self._put("gates", lambda: {"gates": [encode(gate) for gate in outcomes]})

    def close(self, final: RunInfo | None = None) -> None:
        """Write the run's final state, if this process knows it, sync and close. Raises StoreError if any write failed.

        Closing twice is fine.
        """
        if final is not None and not self._writer.closed:
            self._put("end", lambda: {"run": encode(final)}, durable=True)
        self._writer.close()

    def _put(
        self,
        kind: str,
        body: Callable[[], dict[str, Any]],
        facts: Mapping[str, Any] = _NO_FACTS,
        *,
        durable: bool = False,
    ) -> Future[None]:
        return self._writer.put(lambda: self._line(kind, body(), facts), durable=durable)

    # What follows runs on the writer thread only.

    def _line(self, kind: str, body: dict[str, Any], facts: Mapping[str, Any]) -> bytes:
        self._written += 1
        return frame({
            "t": kind,
            **self._redact(body),
            **facts,
        })  # facts are keys and numbers: no redaction may change them

    def _call_line(self, call: Call) -> bytes:
        key = call.request.key
        line = self._line("call", {"call": encode_call(call)}, {"key": key})
        self._calls[key, call.source] = (call, self._written)
        return line

    def _reference(self, call: Call) -> tuple[bytes, dict[str, Any]]:
        key = call.request.key
        known = self._calls.get((key, call.source))
        line = b""
        if known is None or not (known[0] is call or known[0] == call):
            line = self._call_line(call)
            known = self._calls[key, call.source]
        return line, {"n": known[1], "key": key, "source": call.source}

    def _result_lines(self, result: Result) -> bytes:
        trial = encode(result.trial)
        if result.trial.request == result.call.request:
            del trial["request"]  # the call record holds it
        call_lines, references = zip(*(self._reference(call) for call in (result.call, *result.followups)), strict=True)
        body = {"trial": trial, "verdicts": [encode(verdict) for verdict in result.verdicts]}
        facts = {"call": references[0], "followups": references[1:]}
        return b"".join(call_lines) + self._line("result", body, facts)


def _create(folder: Path, run_id: str, worker: str) -> tuple[Path, int]:
    for name in (run_id, worker):
        if not _NAME.fullmatch(name):
            raise StoreError(f"{name!r} cannot name a journal", hint="use letters, digits, '.', '_' and '-'")
    home = folder / run_id
    path = home / f"{worker}-{os.getpid()}-{secrets.token_hex(4)}.jsonl"
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_APPEND | getattr(os, "O_CLOEXEC", 0)
    try:
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        home.mkdir(exist_ok=True, mode=0o700)
        fd = os.open(path, flags, 0o600)
        _sync_folder(home)
        _sync_folder(folder)
    except OSError as error:
        raise StoreError(
            f"cannot create the journal: {error.strerror or error}",
            hint="the reports folder must be writable; nothing was called",
            where=Where(str(path)),
        ) from error
    return path, fd


def _sync_folder(folder: Path) -> None:
    fd = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(fd)
    finally:
        os.close(fd)
