"""The response cache: derived from the journals, so that nothing finished is paid twice."""

from __future__ import annotations

import sqlite3
import subprocess
import sys
import threading

import pytest
from samples import call, failed_call, info, request, result

from evalkit.errors import StoreError, StoreLockedError
from evalkit.model.calls import Call, Response
from evalkit.store import cache as cache_module
from evalkit.store.cache import CACHE_FILE, Cache
from evalkit.store.journal.writer import Journal


@pytest.fixture
def root(tmp_path):
    return tmp_path / "journal"


@pytest.fixture
def cache(tmp_path):
    cache = Cache(tmp_path / CACHE_FILE)
    yield cache
    cache.close()


def journal_of(root, *calls, run_id="r1"):
    journal = Journal(root, info(run_id))
    for one in calls:
        journal.settle(one)
    journal.close()
    return journal.path


def test_answers_of_earlier_runs_are_found_by_key(root, cache):
    """A live answer comes back equal; a request that nobody asked has none."""
    journal_of(root, call())
    assert cache.absorb(root).responses == 1
    assert cache.get(request().key) == call().reply
    assert cache.get(request("something else").key) is None


def test_only_live_answers_that_ended_normally_are_kept(root, cache):
    """A failure, an answer of unknown end, and an answer that was not paid for are not served again."""
    odd = Call(request("odd"), Response("cut", finish="unknown"), "live")
    others = [call(source, source=source) for source in ("replay", "scripted", "shared", "cache")]
    journal_of(root, failed_call(), odd, *others)
    assert cache.absorb(root).responses == 0


def test_the_newest_answer_wins_in_whatever_order_the_runs_are_read(root, cache):
    """After ``--mode refresh`` the new answer is served, also when the older journal is read later."""
    journal_of(root, call(answer="new", settled_at=2000.0), run_id="b-refreshed")
    cache.absorb(root)
    journal_of(root, call(answer="old", settled_at=1000.0), run_id="c-older")
    cache.absorb(root)
    assert cache.get(request().key).text == "new"


def test_a_journal_that_grew_is_read_on_from_where_it_was(root, cache, monkeypatch):
    """A journal still being written is absorbed piece by piece; a half-written line is read once it is whole; nothing is read twice."""
    path = journal_of(root, call("one"), call("two"))
    data = path.read_bytes()
    path.write_bytes(data[:-20])
    assert cache.absorb(root).responses == 1
    offsets = []
    original = cache_module.scan
    monkeypatch.setattr(
        cache_module, "scan", lambda path, *, offset: offsets.append(offset) or original(path, offset=offset)
    )
    path.write_bytes(data)
    assert cache.absorb(root).responses == 1
    assert cache.absorb(root).files == 0
    assert offsets == [data.index(b"\n", data.index(b"\n") + 1) + 1]
    assert cache.get(request("two").key) is not None


def test_a_damaged_record_is_skipped_and_named(root, cache):
    """One bad record does not hide the others, and is told."""
    path = journal_of(root, call("one"), call("two"))
    data = bytearray(path.read_bytes())
    data[data.index(b"\n") + 40] ^= 1
    path.write_bytes(data)
    outcome = cache.absorb(root)
    assert (outcome.responses, len(outcome.damage)) == (1, 1)
    assert path.name in outcome.damage[0]


def test_a_row_changed_by_hand_is_refused(root, cache, tmp_path):
    """An answer that nobody gave is an error that says what to do, not a measurement."""
    journal_of(root, call())
    cache.absorb(root)
    with sqlite3.connect(tmp_path / CACHE_FILE) as other:
        other.execute("update responses set response = replace(response, 'Hi', 'Ho')")
    other.close()
    with pytest.raises(StoreError, match="was changed") as caught:
        cache.get(request().key)
    assert "nothing is paid twice" in caught.value.hint


@pytest.mark.parametrize("junk", [b"not a database" * 100, b"SQLite format 3\x00" + b"\xff" * 4096])
def test_a_damaged_file_is_set_aside_and_built_again(root, tmp_path, junk):
    """The cache is never fatal: it comes back whole from the journals, the damaged file is kept beside it, and a note says so."""
    journal_of(root, call())
    (tmp_path / CACHE_FILE).write_bytes(junk)
    cache = Cache(tmp_path / CACHE_FILE)
    cache.absorb(root)
    assert cache.get(request().key) == call().reply
    assert "damaged" in cache.notes[0]
    assert [path.read_bytes() for path in tmp_path.glob(f"{CACHE_FILE}.damaged-*")] == [junk]
    cache.close()


def test_a_table_of_another_shape_is_set_aside_too(tmp_path):
    """A file that is SQLite but not this cache is treated like a damaged one."""
    with sqlite3.connect(tmp_path / CACHE_FILE) as other:
        other.execute("create table responses (other integer)")
    other.close()
    cache = Cache(tmp_path / CACHE_FILE)
    assert cache.notes
    assert cache.get("x") is None
    cache.close()


def test_a_lock_that_stays_is_told_not_set_aside(root, tmp_path, cache, monkeypatch):
    """A cache that another process keeps locked is an error that says so; its file is left alone."""
    journal_of(root, call())
    cache._db.execute("pragma busy_timeout = 0")
    other = sqlite3.connect(tmp_path / CACHE_FILE, isolation_level=None)
    other.execute("begin immediate")
    with pytest.raises(StoreLockedError, match="another process"):
        cache.absorb(root)
    other.execute("rollback")
    other.close()
    assert cache.absorb(root).responses == 1


ABSORBING = """
import sys
from pathlib import Path
from evalkit.store.cache import Cache
cache = Cache(Path(sys.argv[2]))
sys.stdin.readline()
cache.absorb(Path(sys.argv[1]))
"""


def test_two_processes_may_absorb_at_once(root, tmp_path):
    """Two sessions that start together both succeed, and the answers are there."""
    calls = [call(str(number)) for number in range(300)]
    journal_of(root, *calls)
    command = [sys.executable, "-c", ABSORBING, root, tmp_path / CACHE_FILE]
    children = [subprocess.Popen(command, stdin=subprocess.PIPE) for _ in range(2)]
    for child in children:
        child.communicate(b"go\n", timeout=60)
    assert [child.returncode for child in children] == [0, 0]
    cache = Cache(tmp_path / CACHE_FILE)
    assert cache.absorb(root).files == 0
    assert all(cache.get(one.request.key) == one.reply for one in calls)
    cache.close()


def test_threads_may_ask_at_once(root, cache):
    """Eight threads that ask for the same answers all get them."""
    calls = [call(str(number)) for number in range(50)]
    journal_of(root, *calls)
    cache.absorb(root)
    right = []

    def ask():
        right.extend(cache.get(one.request.key) == one.reply for one in calls)

    threads = [threading.Thread(target=ask) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert right == [True] * 400


def test_an_answer_inside_a_result_is_found_too(root, cache):
    """A live call that was written with its result, and not settled before, is absorbed as well."""
    journal = Journal(root, info())
    journal.append_result(result())
    journal.close()
    assert cache.absorb(root).responses == 1


def test_a_full_disk_is_told_as_one(root, cache):
    """Deleting the cache would not help then: the advice is to make space."""
    journal_of(root, *(call(str(number), answer="x" * 5000) for number in range(20)))
    cache._db.execute("pragma max_page_count = 8")
    with pytest.raises(StoreError, match="full") as caught:
        cache.absorb(root)
    assert "space" in caught.value.hint


def test_a_link_in_place_of_the_cache_is_not_followed(tmp_path):
    """The cache is never created at the other end of a symbolic link."""
    (tmp_path / CACHE_FILE).symlink_to(tmp_path / "elsewhere")
    with pytest.raises(StoreError):
        Cache(tmp_path / CACHE_FILE)
    assert not (tmp_path / "elsewhere").exists()
