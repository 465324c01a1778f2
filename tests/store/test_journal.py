"""The journal's writer: durable before anybody hears of it, and final when it fails."""

from __future__ import annotations

import asyncio
import os
import stat
import subprocess
import sys
import threading
from pathlib import Path

import pytest
from samples import call, failed_call, gate, info, prompt, request, result

from evalkit.errors import StoreError
from evalkit.store.journal import commit
from evalkit.store.journal.commit import GroupWriter
from evalkit.store.journal.lines import scan
from evalkit.store.journal.reader import list_runs, read_run
from evalkit.store.journal.writer import Journal


@pytest.fixture
def root(tmp_path):
    return tmp_path / "reports" / "journal"


def test_a_run_comes_back_from_its_journal_alone(root):
    """Everything a run said is read back equal: results with their follow-up calls, prompts, plan, skips, gates, final state."""
    judged = result(followups=(call("judge me"), failed_call("embed me")))
    unsettled = result("early", text="Other", status="fail", source="scripted")
    final = info(complete=True, finished_at="2026-11-21T10:05:00+00:00", planned=2)
    journal = Journal(root, info())
    journal.append_plan(["a", "b"], planned=2)
    journal.append_prompt(prompt())
    journal.append_prompt(prompt())
    journal.settle(judged.call).result()
    journal.append_result(judged)
    journal.append_result(unsettled)
    journal.append_skip("c", reason="not today", trials=3)
    journal.append_gates([gate()])
    journal.close(final)

    records = read_run(root / "r1")
    assert records.results == (judged, unsettled)
    assert records.calls == (judged.call, *judged.followups, unsettled.call)
    assert records.run == final
    assert (records.planned, records.planned_tests) == (2, ("a", "b"))
    assert records.prompts == (prompt(),)
    assert [line.record["t"] for line in scan(journal.path)].count("prompt") == 1
    assert records.skipped == {"c": 3}
    assert records.gates == (gate(),)
    assert (records.damage, records.possibly_billed) == ((), ())


def test_a_settled_call_is_written_once(root):
    """A result refers to the calls that were settled; it does not write them again. A different answer to the same request is kept apart."""
    first, second = result("one"), result("two")
    retried = type(first)(second.trial, failed_call(), second.verdicts)
    journal = Journal(root, info())
    journal.settle(first.call)
    journal.append_result(first)
    journal.append_result(retried)
    journal.close()
    records = read_run(root / "r1")
    assert records.results == (first, retried)
    assert records.calls == (first.call, failed_call())


def test_an_intent_without_an_answer_is_possibly_billed(root):
    """A request that was about to be sent and has no settled call is reported by its key."""
    journal = Journal(root, info())
    journal.intend(request("answered"))
    journal.intend(request("lost"))
    journal.settle(call("answered"))
    journal.close()
    assert read_run(root / "r1").possibly_billed == (request("lost").key,)


def test_nobody_hears_of_a_live_call_before_it_is_synced(root, monkeypatch):
    """The future of a live call resolves after the sync that follows its write, and not before."""
    syncing, released = threading.Event(), threading.Event()
    journal = Journal(root, info())
    monkeypatch.setattr(commit, "_sync", lambda fd: (syncing.set(), released.wait(10)))
    future = journal.settle(call())
    assert syncing.wait(10)
    assert [line.record["t"] for line in scan(journal.path)] == ["run", "call"]
    assert not future.done()
    released.set()
    future.result(10)
    journal.close()


def test_calls_that_cost_nothing_do_not_wait(root, monkeypatch):
    """A cached, replayed, scripted or shared call resolves at once, though the disk is busy."""
    released = threading.Event()
    journal = Journal(root, info())
    monkeypatch.setattr(commit, "_sync", lambda fd: released.wait(10))
    live = journal.settle(call("live"))
    for source in ("cache", "replay", "scripted", "shared"):
        assert journal.settle(call(source, source=source)).done()
    released.set()
    live.result(10)
    journal.close()
    assert len(read_run(root / "r1").calls) == 5


def test_many_callers_share_a_sync(root, monkeypatch):
    """Group commit: what arrives during one sync goes out with the next one."""
    released, syncs = threading.Event(), []
    journal = Journal(root, info())
    monkeypatch.setattr(commit, "_sync", lambda fd: (syncs.append(fd), released.wait(10)))
    futures = [journal.settle(call(str(number))) for number in range(100)]
    released.set()
    for future in futures:
        future.result(10)
    assert len(syncs) <= 3
    journal.close()


def test_what_nobody_waits_for_is_written_in_groups_and_without_a_nudge(root, monkeypatch):
    """500 cached calls cost a few writes, not 500; and the last of them reaches the file though nothing comes after it."""
    writes, last = [], threading.Event()
    original = commit._write_all

    def counted(fd, data):
        original(fd, data)
        writes.append(len(data))
        if b"number 499" in data:
            last.set()

    journal = Journal(root, info())
    monkeypatch.setattr(commit, "_write_all", counted)
    calls = [call(f"number {number}", source="cache") for number in range(500)]
    for one in calls:
        journal.settle(one)
    assert last.wait(10)
    assert len(writes) < 100
    assert sum(line.record["t"] == "call" for line in scan(journal.path)) == 500
    journal.close()


class Lingering(threading.Event):
    """An event that tells when somebody begins to wait for it."""

    def __init__(self):
        super().__init__()
        self.begun = threading.Event()

    def wait(self, timeout=None):
        self.begun.set()
        return super().wait(timeout)


def test_an_intent_does_not_linger(root, monkeypatch):
    """The writer waits for more after a line that nobody waits for; a paid call that is about to be sent is noted at once all the same."""
    monkeypatch.setattr(commit, "_LINGER_S", 600)
    monkeypatch.setattr(commit, "Event", Lingering)
    journal = Journal(root, info())
    journal.settle(call(source="cache"))
    assert journal._writer._hurry.begun.wait(10)
    written = threading.Event()
    original = commit._write_all
    monkeypatch.setattr(
        commit, "_write_all", lambda fd, data: (original(fd, data), b"intent" in data and written.set())
    )
    journal.intend(request())
    assert written.wait(10)
    journal.close()


def test_a_call_that_two_results_name_is_written_once(root):
    """A rerun, and a check in a Python test, name a call again: also as an equal copy it is recognised, and its record used."""
    first = result()
    copy = type(first)(first.trial, call(), ())
    journal = Journal(root, info())
    for one in (first, first, copy):
        journal.append_result(one)
    journal.close()
    assert [line.record["t"] for line in scan(journal.path)] == ["run", "call", "result", "result", "result"]


def test_a_cancelled_waiter_does_not_stop_the_writer(root):
    """Ctrl-C cancels whoever waits for a call; the call is written all the same, and so is the next one."""

    async def impatient(journal):
        waiting = asyncio.ensure_future(asyncio.wrap_future(journal.settle(call("one"))))
        waiting.cancel()
        await asyncio.gather(waiting, return_exceptions=True)
        await asyncio.wrap_future(journal.settle(call("two")))

    journal = Journal(root, info())
    asyncio.run(impatient(journal))
    journal.close()
    assert len(read_run(root / "r1").calls) == 2


def test_a_full_disk_is_final_and_everybody_is_told():
    """After a failed write every pending and every later future raises StoreError that says what to do."""
    writer = GroupWriter(os.open("/dev/full", os.O_WRONLY), Path("/dev/full"))
    futures = [writer.put(lambda: b"x" * 10, durable=True) for _ in range(3)]
    for future in futures:
        with pytest.raises(StoreError, match="No space left") as caught:
            future.result(10)
        assert "only what is missing is paid" in caught.value.hint
    with pytest.raises(StoreError, match="No space left"):
        writer.put(lambda: b"y", durable=False).result(10)
    with pytest.raises(StoreError, match="No space left"):
        writer.close()


LIMITED = """
import resource, signal, sys
sys.path.insert(0, sys.argv[2])
from pathlib import Path
from samples import call, info, result
from evalkit.errors import StoreError
from evalkit.store.journal.writer import Journal

journal = Journal(Path(sys.argv[1]), info())
resource.setrlimit(resource.RLIMIT_FSIZE, (20_000, 20_000))
try:
    for number in range(1000):
        made = call(str(number))
        journal.settle(made).result()
        print(made.request.key, flush=True)
except StoreError as error:
    print(error, file=sys.stderr)
for late in (lambda: journal.append_result(result()), lambda: journal.intend(made.request), journal.close):
    try:
        late()
    except StoreError:
        continue
    raise SystemExit("a failed journal took more")
"""


def test_a_file_that_may_not_grow_loses_nothing_acknowledged(root, here):
    """Under a file-size limit the journal fails with StoreError, refuses everything later, and what was acknowledged is read back."""
    done = subprocess.run(
        [sys.executable, "-c", LIMITED, root, here], capture_output=True, text=True, timeout=60, check=True
    )
    acknowledged = done.stdout.split()
    assert "File too large" in done.stderr
    records = read_run(root / "r1")
    assert acknowledged
    assert {stored.key for stored in records.stored_calls} >= set(acknowledged)
    assert len(records.damage) <= 1


def test_a_read_only_folder_is_told_before_anything_is_called(tmp_path):
    """A journal that cannot be created is a StoreError with the path."""
    (tmp_path / "journal").write_text("a file in the way")
    with pytest.raises(StoreError, match="cannot create the journal"):
        Journal(tmp_path / "journal", info())


def test_only_the_owner_can_read_a_journal(root):
    """Answers may be private: folders are 0700 and files 0600 under any umask."""
    old = os.umask(0)
    try:
        journal = Journal(root, info())
    finally:
        os.umask(old)
    journal.close()
    assert stat.S_IMODE(journal.path.stat().st_mode) == 0o600
    assert stat.S_IMODE(journal.path.parent.stat().st_mode) == 0o700


@pytest.mark.parametrize("name", ["", "..", "a/b", "../r1", ".hidden", "a\0b", "x" * 200])
def test_a_run_id_cannot_leave_the_folder(root, name):
    """A run id or worker that is not a plain name is refused."""
    with pytest.raises(StoreError, match="cannot name a journal"):
        Journal(root, info(name))
    with pytest.raises(StoreError, match="cannot name a journal"):
        Journal(root, info(), worker=name)


def test_a_forked_child_cannot_write(root):
    """A fork shares the file but not the writer thread: the child is refused instead of hanging."""
    writer = Journal(root, info())
    writer._writer._pid = os.getpid() + 1  # as a forked child sees it
    with pytest.raises(StoreError, match="forked"):
        writer.settle(call())
    writer._writer._pid = os.getpid()
    writer.close()


def test_secrets_are_gone_before_the_disk_and_keys_stay(root):
    """Every text of a record passes the redactor, and the call is still found under the key it was asked with."""

    def redact(value):
        if isinstance(value, dict):
            return {key: redact(item) for key, item in value.items()}
        if isinstance(value, (list, tuple)):
            return [redact(item) for item in value]
        return value.replace("hunter2", "[gone]") if isinstance(value, str) else value

    secret = result(text="my password is hunter2")
    journal = Journal(root, info(command="--key hunter2"), redact=redact)
    journal.append_result(secret)
    journal.close()
    assert b"hunter2" not in journal.path.read_bytes()
    (read,) = read_run(root / "r1").results
    assert read.call.request.messages[1].content == "my password is [gone]"
    assert read.call.request.key == secret.call.request.key


def test_two_workers_write_side_by_side(root):
    """Two processes of a run have a file each; the run is the union, each result with its own worker's answer."""
    journals = [Journal(root, info(), worker=name) for name in ("gw0", "gw1")]
    results = [result("one"), type(result())(result("two").trial, call(answer="from gw1"), ())]
    for journal, one in zip(journals, results, strict=True):
        journal.append_plan(["one", "two"], planned=2)
        journal.append_result(one)
    for journal in journals:
        journal.close()
    records = read_run(root / "r1")
    assert sorted(read.reply.text for read in records.results) == ["Hi 😀", "from gw1"]
    assert records.planned == 2


def test_runs_are_listed_newest_first_with_their_status(root):
    """The list says which runs are complete, which were cut off, and which cannot be read."""
    for run_id, day, final in (("old", 1, True), ("new", 3, True), ("killed", 2, False)):
        started = info(run_id, started_at=f"2026-11-0{day}T00:00:00+00:00")
        journal = Journal(root, started)
        journal.settle(call())
        journal.close(info(run_id, started_at=started.started_at, complete=True) if final else None)
    (root / "broken").mkdir()
    (root / "broken" / "main.jsonl").write_bytes(b"nonsense\n")
    listed = [(entry.run_id, entry.status) for entry in list_runs(root.parent)]
    assert listed == [("new", "complete"), ("killed", "incomplete"), ("old", "complete"), ("broken", "damaged")]
    assert list_runs(root / "nowhere") == []


def test_what_stands_before_a_record_that_cannot_be_made_is_written(tmp_path):
    """A broken record ends the journal, but the paid answers that were waiting for the same sync are in the file."""
    path = tmp_path / "journal"
    gate = threading.Event()

    def held() -> bytes:
        gate.wait(10)
        return b"first\n"

    def broken() -> bytes:
        raise StoreError("no JSON")

    writer = GroupWriter(os.open(path, os.O_WRONLY | os.O_CREAT), path)
    writer.put(held, durable=False)  # while it is made, the next two join one group
    paid = writer.put(lambda: b"paid\n", durable=True)
    bad = writer.put(broken, durable=True)
    gate.set()
    with pytest.raises(StoreError):
        bad.result(10)
    with pytest.raises(StoreError):
        writer.close()
    assert paid.done()
    assert path.read_bytes() == b"first\npaid\n"
