"""The journal of one process: every call, verdict and gate of a run, on disk before anybody hears of it."""

from __future__ import annotations

import fcntl
import os
import re
import secrets
import time
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from evalkit.errors import StoreError, Where
from evalkit.files import private_folder
from evalkit.store.journal.codec import dumps, encode, encode_call
from evalkit.store.journal.commit import GroupWriter
from evalkit.store.journal.lines import FORMAT, frame, frame_text

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
    from concurrent.futures import Future
    from pathlib import Path

    from evalkit.model.calls import Call, Request
    from evalkit.model.results import GateOutcome, Label, Preference, PromptRecord, Result, RunInfo

_NO_FACTS: Mapping[str, Any] = {}
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,99}")


def _unchanged(value: Any) -> Any:  # noqa: ANN401 - plain JSON in, plain JSON out
    return value


def _as_it_is(_key: str, record: dict[str, Any]) -> dict[str, Any]:
    return record


def _always(_encoded: str) -> bool:
    return True


@dataclass(slots=True)
class _Written:
    """A call that is in the file: as record ``number``, with the hash of its line.

    ``call`` is kept until a result has named it, to recognise it without encoding it again.
    """

    number: int
    hash: int
    call: Call | None


class Journal:
    """An append-only file that only this process writes. Satisfies :class:`evalkit.engine.ports.Ledger`; thread-safe.

    Records are encoded and written by one thread. ``redact`` maps a record's plain JSON to plain JSON without secrets; it is asked
    when ``suspects`` finds that a record's JSON text may hold one. ``hide`` does the same for personal data in a call or result of a request,
    which it is told by its key. A call whose reply is not written as it was is marked: it must not be served again; so are calls of requests with the keys ``redacted``, which come from
    journals. Any error of writing is final: the run must stop, and what was
    acknowledged before is on disk.
    """

    def __init__(
        self,
        folder: Path,
        info: RunInfo,
        *,
        worker: str = "main",
        redact: Callable[[Any], Any] = _unchanged,
        suspects: Callable[[str], bool] = _always,
        hide: Callable[[str, dict[str, Any]], dict[str, Any]] = _as_it_is,
        redacted: Collection[str] = (),
    ) -> None:
        self.path, fd = _create(folder, info.run_id, worker)
        self._redact = redact
        self._suspects = suspects
        self._hide = hide
        self._redacted = redacted
        self._written = 0
        self._calls: dict[tuple[str, str], _Written] = {}
        self._prompts: set[tuple[str, str]] = set()
        self._writer = GroupWriter(fd, self.path)
        started = self._put("run", lambda: {"run": encode(info)}, {"format": FORMAT}, durable=True)
        if started.exception() is not None:
            self._writer.close()  # raises what went wrong

    def intend(self, request: Request) -> None:
        """Note that a paid call is about to be sent. Raises StoreError if the journal has failed."""
        self._writer.check()
        at = time.time()
        facts = {"key": request.key, "at": at}
        self._writer.put(lambda: self._line("intent", {}, facts), durable=False, soon=True)

    def settle(self, call: Call) -> Future[None]:
        """Write a settled call. The future resolves when a live call is on disk; for any other it is resolved already.

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

    def append_conclusion(self, conclusion: object) -> None:
        """Write what was concluded of the run, a dataclass that this layer does not know. Raises StoreError if the journal has failed."""
        self._writer.check()
        self._put("conclusion", lambda: {"conclusion": encode(conclusion)})

    def append_labels(self, labels: Iterable[Label]) -> Future[None]:
        """Write people's labels of the run's answers; the future resolves when they are on disk. Raises StoreError if the journal has failed."""
        self._writer.check()
        given = tuple(labels)
        return self._put("labels", lambda: {"labels": [encode(label) for label in given]}, durable=True)

    def append_preferences(self, preferences: Iterable[Preference]) -> Future[None]:
        """Write which answers people prefer; the future resolves when that is on disk. Raises StoreError if the journal has failed."""
        self._writer.check()
        given = tuple(preferences)
        return self._put("preferences", lambda: {"preferences": [encode(one) for one in given]}, durable=True)

    def close(self, final: RunInfo | None = None) -> None:
        """Write the run's final state, if this process knows it, sync and close. Raises StoreError if any write failed.

        Closing twice is fine.
        """
        if final is not None and not self._writer.closed:
            self._put("end", lambda: {"run": encode(final)}, durable=True)
        self._writer.close()
        self._calls.clear()

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

    def _line(self, kind: str, body: dict[str, Any], facts: Mapping[str, Any], *, about: str | None = None) -> bytes:
        """One line. ``facts`` are keys and numbers: no redaction may change them. ``about`` is the key of the request that ``body`` is about."""
        self._written += 1
        shown = body if about is None else self._hide(about, body)
        text = dumps({"t": kind, **shown, **facts})
        if self._suspects(text):
            shown = self._redact(shown)
        elif shown is body:
            return frame_text(text)
        if kind == "call" and shown["call"]["reply"] != body["call"]["reply"]:
            facts = {**facts, "redacted": True}
        return frame({"t": kind, **shown, **facts})

    def _call_line(self, call: Call) -> bytes:
        key = call.request.key
        line = self._line("call", {"call": encode_call(call)}, self._call_facts(key), about=key)
        self._calls[key, call.source] = _Written(self._written, hash(line), call)
        return line

    def _call_facts(self, key: str) -> dict[str, Any]:
        return {"key": key, "redacted": True} if key in self._redacted else {"key": key}

    def _reference(self, call: Call) -> tuple[bytes, dict[str, Any]]:
        key = call.request.key
        known = self._calls.get((key, call.source))
        line = b""
        if known is None or not (known.call is call or self._is_written(known, call)):
            line = self._call_line(call)
            known = self._calls[key, call.source]
        known.call = None
        return line, {"n": known.number, "key": key, "source": call.source}

    def _is_written(self, known: _Written, call: Call) -> bool:
        """Whether ``call``, which is another object by now, is what was written as ``known``."""
        if known.call is not None:
            return known.call == call
        before = self._written
        key = call.request.key
        line = self._line("call", {"call": encode_call(call)}, self._call_facts(key), about=key)
        self._written = before
        return hash(line) == known.hash

    def _result_lines(self, result: Result) -> bytes:
        trial = result.trial
        plain: dict[str, Any] = {
            "suite": trial.suite,
            "suite_path": trial.suite_path,
            "case": encode(trial.case),
            "variant": encode(trial.variant),
            "repeat": trial.repeat,
        }
        if trial.request is not result.call.request and trial.request != result.call.request:
            plain["request"] = encode(trial.request)  # else the call record holds it
        calls = (result.call, *result.followups, *result.tried)
        call_lines, references = zip(*(self._reference(call) for call in calls), strict=True)
        asked = 1 + len(result.followups)
        body: dict[str, Any] = {"trial": plain, "verdicts": [encode(verdict) for verdict in result.verdicts]}
        facts: dict[str, Any] = {"call": references[0], "followups": references[1:asked]}
        if result.tried:
            body["served"], facts["tried"] = result.served, references[asked:]
        return b"".join(call_lines) + self._line("result", body, facts, about=trial.request.key)


def is_run_id(text: str) -> bool:
    """Whether a run may be called so, and a folder after it: never a way to elsewhere."""
    return _NAME.fullmatch(text) is not None


def is_written(path: Path) -> bool | None:
    """Whether the process that writes a journal still has it open; None where the file system knows no locks. Raises OSError."""
    fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    except OSError:
        return None
    finally:
        os.close(fd)
    return False


def _create(folder: Path, run_id: str, worker: str) -> tuple[Path, int]:
    for name in (run_id, worker):
        if not is_run_id(name):
            raise StoreError(f"{name!r} cannot name a journal", hint="use letters, digits, '.', '_' and '-'")
    home = folder / run_id
    path = home / f"{worker}-{os.getpid()}-{secrets.token_hex(4)}.jsonl"
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_APPEND | getattr(os, "O_CLOEXEC", 0)
    try:
        private_folder(home)
        fd = os.open(path, flags, 0o600)
        with suppress(OSError):  # where there are no locks, nobody can tell that the run is in progress
            fcntl.flock(fd, fcntl.LOCK_SH)
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
