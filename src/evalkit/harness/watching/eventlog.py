"""The event log: one JSON object per line for every event of a run, without any prompt or answer text."""

from __future__ import annotations

import json
import os
from datetime import UTC, datetime
from threading import Lock
from typing import TYPE_CHECKING, Any

from evalkit.errors import ConfigError
from evalkit.files import private_folder
from evalkit.model.calls import CallFailure, Response

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from evalkit.engine.events import Event
    from evalkit.model.calls import Call

_LONGEST_REASON = 300
_FAILURES = frozenset({"call.failed", "provider.stopped"})


class EventLog:
    """Appends events to the file ``path``, each with one write, so that the processes of ``-n`` can share it.

    ``run`` and ``worker`` stand in every line; ``redact`` takes secrets out of a text. ``problem`` says why the log ended early (a full
    disk), if it did: a log must not end a run. Raises ConfigError when the file cannot be opened.
    """

    def __init__(self, path: Path, *, run: str, worker: str, redact: Callable[[str], str]) -> None:
        self.problem: str | None = None
        self._path = path
        self._run = run
        self._worker = worker
        self._redact = redact
        self._door = Lock()  # a number of a closed file may be another file's by the time it is written to
        try:
            private_folder(path.parent)
            self._file: int | None = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
        except OSError as error:
            hint = "name another file with --evalkit-log"
            raise ConfigError(f"cannot write the event log {path}: {error.strerror}", hint=hint) from error

    def hear(self, event: Event) -> None:
        """Write one event; nothing once the log is closed. May be called from any thread."""
        record = {name: self._clean(value) for name, value in self._record(event).items()}
        line = (json.dumps(record) + "\n").encode("ascii")
        with self._door:
            if self._file is None:
                return
            try:
                os.write(self._file, line)
            except OSError as error:
                self.problem = f"the event log {self._path} ends early: {error.strerror}"
                self._shut()

    def close(self) -> None:
        """Close the file. Closing twice is fine, and so is closing while another thread writes."""
        with self._door:
            self._shut()

    def _shut(self) -> None:
        if self._file is not None:
            os.close(self._file)
            self._file = None

    def _clean(self, value: Any) -> Any:  # noqa: ANN401 - a value of a record
        return self._redact(value) if isinstance(value, str) else value

    def _record(self, event: Event) -> dict[str, Any]:
        request = event.request
        # What follows the kind of a failure is the provider's message, which may quote the prompt or the answer.
        reason = event.reason.partition(":")[0] if event.name in _FAILURES else event.reason
        return {
            "at": datetime.fromtimestamp(event.at, UTC).isoformat(timespec="milliseconds"),
            "run": self._run,
            "worker": self._worker,
            "name": event.name,
            "account": event.account,
            "model": request.model if request else None,
            "kind": request.kind if request else None,
            "key": request.key if request else None,
            "attempt": event.attempt or None,
            "wait_s": event.wait_s,
            "reason": self._redact(reason)[:_LONGEST_REASON] or None,
            **_outcome(event.call),
        }


def _outcome(call: Call | None) -> dict[str, Any]:
    """What a settled call came to, in numbers and words of a closed set; all None while it is not settled."""
    response = call.reply if call is not None and isinstance(call.reply, Response) else None
    usage = response.usage if response else None
    return {
        "source": call.source if call else None,
        "attempts": len(call.attempts) if call else None,
        "latency_s": response.latency_s if response else None,
        "first_token_s": response.first_token_s if response else None,
        "input_tokens": usage.input_tokens if usage else None,
        "output_tokens": usage.output_tokens if usage else None,
        "cost_usd": call.cost_usd if call else None,
        "paid_usd": call.paid_usd if call else None,
        "failure": call.reply.kind if call is not None and isinstance(call.reply, CallFailure) else None,
    }
