"""The log of batches: what it says after a kill, and that nothing in it can be half true."""

from __future__ import annotations

import os

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from evalkit.errors import StoreError, StoreLockedError
from evalkit.model.calls import CallFailure, Message, Request
from evalkit.store.batches import Batch, BatchLog, Command

REQUESTS = [Request("openai/m", (Message("user", f"question {number} with sk-secret"),)) for number in range(3)]
KEYS = [request.key for request in REQUESTS]
BATCH = Batch("a" * 32, "openai", "/v1/chat/completions m", 3, 1000.0, worst_usd=0.5, tokens=30)
FAILED = {KEYS[0]: CallFailure("timeout", "it expired first", 1)}


def redact(value):
    if isinstance(value, dict):
        return {key: redact(item) for key, item in value.items()}
    if isinstance(value, list):
        return [redact(item) for item in value]
    return value.replace("sk-secret", "[REDACTED]") if isinstance(value, str) else value


def written(folder) -> None:
    """A log with one batch that went all the way and one that is open."""
    log = BatchLog(folder, redact=redact)
    log.note_command(Command(("suites", "--evalkit-mode", "batch"), "."))
    log.intend(BATCH, REQUESTS)
    log.submitted(BATCH.marker, "batch_1")
    log.closed(BATCH.marker, answered=2, failures=FAILED)
    log.intend(Batch("b" * 32, "openai", "g", 3, 2000.0), REQUESTS)
    log.submitted("b" * 32, "batch_2", found=True)
    log.close()


def test_everything_is_read_back(tmp_path) -> None:
    """Open batches with their ids, failures by key, the command, and the requests under the keys they were asked with."""
    written(tmp_path)
    log = BatchLog(tmp_path)
    assert [(batch.id, batch.found) for batch in log.open] == [("batch_2", True)]
    assert log.ids == {"batch_1", "batch_2"}
    assert [failure.kind for failure in log.failures(KEYS[0])] == ["timeout"]
    assert log.failures(KEYS[1]) == []
    assert log.command == Command(("suites", "--evalkit-mode", "batch"), ".")
    found = log.requests(log.open[0])
    assert list(found) == KEYS
    assert [request.key for request in found.values()] == KEYS, (
        "redacted text hashes to another key than the one that was asked"
    )
    log.close()
    assert not (tmp_path / f"{'a' * 32}.jsonl").exists(), "the requests of a closed batch are not needed any more"


def test_no_secret_reaches_the_disk_and_nobody_else_reads_it(tmp_path) -> None:
    """Requests are redacted before they are written; files have mode 0600."""
    written(tmp_path)
    for path in tmp_path.iterdir():
        assert b"sk-secret" not in path.read_bytes()
        assert path.stat().st_mode & 0o777 == 0o600


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 10_000))
def test_a_kill_at_any_byte_leaves_a_log_that_was_once_true(tmp_path_factory, cut) -> None:
    """Cut anywhere, the log opens, has at most one open batch, and goes on working."""
    folder = tmp_path_factory.mktemp("batches")
    written(folder)
    path = folder / "log.jsonl"
    os.truncate(path, min(cut, path.stat().st_size))
    log = BatchLog(folder)
    assert len(log.open) <= 1
    log.note_command(Command(("again",), "."))
    log.close()
    again = BatchLog(folder)
    assert again.command == Command(("again",), ".")
    again.close()


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 400), st.integers(1, 255))
def test_a_changed_byte_is_never_believed(tmp_path_factory, at, flip) -> None:
    """A flipped byte before the last record is an error, whatever it hits."""
    folder = tmp_path_factory.mktemp("batches")
    written(folder)
    path = folder / "log.jsonl"
    data = bytearray(path.read_bytes())
    if data[at] ^ flip == 10 or data[at] == 10:  # a line that is joined or cut is another story
        return
    data[at] ^= flip
    path.write_bytes(data)
    with pytest.raises(StoreError, match="damaged"):
        BatchLog(folder)


def test_one_process_at_a_time(tmp_path) -> None:
    """A second opener is refused, and let in when the first has closed."""
    first = BatchLog(tmp_path)
    with pytest.raises(StoreLockedError):
        BatchLog(tmp_path)
    first.close()
    BatchLog(tmp_path).close()


def test_lost_requests_are_told(tmp_path) -> None:
    """An open batch whose requests are gone or incomplete cannot be taken in, and nobody guesses."""
    written(tmp_path)
    path = tmp_path / f"{'b' * 32}.jsonl"
    lines = path.read_bytes().splitlines(keepends=True)
    log = BatchLog(tmp_path)
    path.write_bytes(lines[0])
    with pytest.raises(StoreError, match="incomplete: 1 of 3"):
        log.requests(log.open[0])
    path.write_bytes(lines[0] + lines[1][:-5])
    with pytest.raises(StoreError, match="damaged"):
        log.requests(log.open[0])
    path.unlink()
    with pytest.raises(StoreError):
        log.requests(log.open[0])
    log.close()


def test_a_full_disk_is_a_clear_error_and_leaves_nothing_half_written(tmp_path, monkeypatch) -> None:
    """What could not be noted is not acted on; after a restart the log is as it was before."""
    written(tmp_path)
    log = BatchLog(tmp_path)
    real = os.write

    def full(fd, data):
        real(fd, bytes(data)[:7])
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "write", full)
    with pytest.raises(StoreError, match="No space left"):
        log.submitted("b" * 32, "batch_3")
    monkeypatch.undo()
    with pytest.raises(StoreError, match="failed before"):
        log.note_command(Command(("x",), "."))
    log.close()
    again = BatchLog(tmp_path)
    assert [batch.id for batch in again.open] == ["batch_2"]
    again.close()
