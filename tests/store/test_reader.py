"""Damage: a cut tail costs only itself, anything else is named, and nothing is ever invented."""

from __future__ import annotations

import random

import pytest
from samples import call, gate, info, prompt, request, result

from evalkit.errors import StoreError
from evalkit.store.journal.codec import encode
from evalkit.store.journal.following import Follower
from evalkit.store.journal.lines import frame, scan
from evalkit.store.journal.reader import list_runs, read_run, run_entry
from evalkit.store.journal.writer import Journal


@pytest.fixture
def journal(tmp_path):
    """A finished journal of 12 records: run, prompt, then intent, call and result of three trials, gates."""
    journal = Journal(tmp_path / "journal", info())
    journal.append_prompt(prompt())
    for number in range(3):
        measured = result(f"case-{number}", text=str(number))
        journal.intend(measured.call.request)
        journal.settle(measured.call)
        journal.append_result(measured)
    journal.append_gates([gate()])
    journal.close()
    return journal.path


def test_a_file_cut_anywhere_reads_as_what_came_before(journal):
    """Cut at every 40th byte: all whole records before the cut are read, one note at most, never a wrong record."""
    data = journal.read_bytes()
    whole = read_run(journal.parent)
    ends = [line.end for line in scan(journal)]
    for cut in range(ends[0], len(data), 40):
        journal.write_bytes(data[:cut])
        records = read_run(journal.parent)
        assert records.results == whole.results[: len(records.results)]
        assert records.calls == whole.calls[: len(records.calls)]
        assert len(records.calls) == sum(end <= cut for end in (ends[3], ends[6], ends[9]))
        assert bool(records.damage) == (cut not in ends)


def test_a_zeroed_tail_is_dropped(journal):
    """After a power cut a file may end in zeros: they cost the record they overwrote, and no more."""
    data = journal.read_bytes()
    ends = [line.end for line in scan(journal)]
    journal.write_bytes(data[: ends[5] + 30] + bytes(len(data) - ends[5] - 30))
    records = read_run(journal.parent)
    assert (len(records.calls), len(records.results), len(records.damage)) == (1, 1, 1)


def test_no_flipped_bit_goes_unnoticed(journal):
    """200 random bit flips, each alone: either the file is as before (it never is), or the damage is told."""
    data = bytearray(journal.read_bytes())
    dice = random.Random(7)
    for _ in range(200):
        place, bit = dice.randrange(len(data)), 1 << dice.randrange(8)
        data[place] ^= bit
        journal.write_bytes(data)
        try:
            damage = read_run(journal.parent, strict=False).damage
        except StoreError as error:
            damage = (error.message,)  # the record that says which run it is
        assert damage
        data[place] ^= bit


def test_damage_in_the_middle_is_named_and_the_rest_can_be_read(journal):
    """A strict reader names file, record and byte; a lenient one skips what depends on the damaged record and tells it."""
    lines = list(scan(journal))
    data = bytearray(journal.read_bytes())
    damaged = next(line for line in lines if line.record["t"] == "call")
    data[damaged.start + 50] ^= 1
    journal.write_bytes(data)
    with pytest.raises(StoreError, match=f"record {damaged.number} at byte {damaged.start}") as caught:
        read_run(journal.parent)
    assert caught.value.where.path.endswith(journal.name)
    records = read_run(journal.parent, strict=False)
    assert [read.trial.case.id for read in records.results] == ["case-1", "case-2"]
    assert len(records.damage) == 2  # the call, and the result that refers to it
    assert records.possibly_billed == (request("0").key,)


def test_damage_in_one_file_leaves_the_others_whole(journal, tmp_path):
    """One worker's damaged journal does not take the other workers' results away."""
    other = Journal(tmp_path / "journal", info(), worker="gw1")
    other.append_result(result("elsewhere"))
    other.close()
    journal.write_bytes(b"x" * 10 + b"\n" + journal.read_bytes()[11:])
    records = read_run(journal.parent, strict=False)
    assert "elsewhere" in {read.trial.case.id for read in records.results}


def test_a_newer_format_is_refused_with_the_advice_to_upgrade(journal):
    """A journal of a newer layout, or a kind of record nobody knows, is not half understood."""
    data = journal.read_bytes()
    start = {"t": "run", "format": 99, "run": {}}
    for strange in (
        frame(start) + data,
        data[: data.index(b"\n") + 1] + frame({"t": "novelty"}) + data[data.index(b"\n") + 1 :],
    ):
        journal.write_bytes(strange)
        with pytest.raises(StoreError, match=r"format 99|novelty") as caught:
            read_run(journal.parent)
        assert "upgrade" in caught.value.hint


@pytest.mark.parametrize(
    "record",
    [
        {"t": "call"},
        {"t": "call", "key": 1, "call": []},
        {"t": "result", "call": None, "followups": 3},
        {"t": "result", "trial": {}, "call": {"n": 99, "key": "x"}, "followups": [], "verdicts": []},
        {"t": "plan", "tests": 5, "planned": "many"},
        {"t": "gates", "gates": [1]},
        {"t": "intent", "key": []},
        {"t": "run", "format": 1},
        {"t": "skip", "test": "a", "reason": "b", "trials": "c"},
    ],
)
def test_a_sound_line_with_senseless_content_is_an_error_not_a_crash(journal, record):
    """A record that was made by hand, with a right checksum, is told like any other damage."""
    data = journal.read_bytes()
    head = data.index(b"\n") + 1
    journal.write_bytes(data[:head] + frame(record) + data[head:])
    with pytest.raises(StoreError, match="record 2 at byte"):
        read_run(journal.parent)
    assert len(read_run(journal.parent, strict=False).damage) >= 1


def test_a_result_is_never_joined_to_another_request(journal):
    """A result whose reference leads to the call of another request is damage, not that call's answer."""
    lines = [line.record for line in scan(journal)]
    for record in lines:
        if record["t"] == "result":
            record["call"]["key"] = "0" * 64
    journal.write_bytes(b"".join(map(frame, lines)))
    assert read_run(journal.parent, strict=False).results == ()


def test_a_folder_without_a_journal_is_told(tmp_path):
    """Neither an empty folder nor a missing one is an empty run."""
    with pytest.raises(StoreError, match="no journal"):
        read_run(tmp_path)
    with pytest.raises(StoreError, match="no journal"):
        read_run(tmp_path / "missing")


def test_a_trial_that_was_run_again_counts_once(tmp_path):
    """A plugin that reruns failures leaves two results of one trial; the later one is the result."""
    journal = Journal(tmp_path / "journal", info())
    again = type(result())(result().trial, call(answer="better"), ())
    journal.append_result(result())
    journal.append_result(again)
    journal.close()
    assert read_run(tmp_path / "journal" / "r1").results == (again,)


def test_two_processes_that_contradict_each_other_are_damage(tmp_path):
    """One trial with different results in two files: a strict reader refuses, a lenient one keeps the first and tells it."""
    for worker, answer in (("gw0", "yes"), ("gw1", "no")):
        journal = Journal(tmp_path / "journal", info(), worker=worker)
        journal.append_result(type(result())(result().trial, call(answer=answer), ()))
        journal.close()
    with pytest.raises(StoreError, match="two different results"):
        read_run(tmp_path / "journal" / "r1")
    records = read_run(tmp_path / "journal" / "r1", strict=False)
    assert [read.call.reply.text for read in records.results] == ["yes"]
    assert "two different results" in records.damage[0]


def test_two_processes_that_agree_are_no_damage(tmp_path):
    """The same answer twice, only faster, is one result."""
    for worker, settled_at in (("gw0", 1.0), ("gw1", 2.0)):
        journal = Journal(tmp_path / "journal", info(), worker=worker)
        journal.append_result(type(result())(result().trial, call(settled_at=settled_at), ()))
        journal.close()
    assert len(read_run(tmp_path / "journal" / "r1").results) == 1


def test_a_journal_of_another_run_is_not_mixed_in(journal, tmp_path):
    """A file copied into the wrong folder is refused with its run's name; a lenient reader leaves it out and tells it."""
    foreign = Journal(tmp_path / "journal", info("r2"), worker="gw1")
    foreign.append_result(result("elsewhere"))
    foreign.close()
    foreign.path.rename(journal.parent / "gw1-copy.jsonl")
    with pytest.raises(StoreError, match="it is of run r2"):
        read_run(journal.parent)
    records = read_run(journal.parent, strict=False)
    assert {read.trial.case.id for read in records.results} == {"case-0", "case-1", "case-2"}
    assert records.damage == ("gw1-copy.jsonl: left out, because it is of run r2",)


def test_a_record_inside_a_journal_cannot_name_another_run(journal, tmp_path):
    """Only the first record used to be looked at: an ``end`` of another run would take that run's place in the database."""
    path = next(journal.parent.glob("*.jsonl"))
    with path.open("ab") as file:
        file.write(frame({"t": "end", "run": encode(info("r2", complete=True))}))
    with pytest.raises(StoreError, match="it is of run r2"):
        read_run(journal.parent)
    records = read_run(journal.parent, strict=False)
    assert records.run.run_id == "r1"
    assert any("it is of run r2" in note for note in records.damage)
    assert run_entry(journal.parent).info == info()


@pytest.mark.parametrize(
    "record",
    [
        {"t": "plan", "tests": [], "planned": float("inf")},
        {"t": "skip", "test": "a", "reason": "", "trials": -float("inf")},
    ],
)
def test_an_endless_number_is_a_damaged_record(journal, record):
    """JSON of Python knows Infinity: it ended the reading of all runs, and the thread of the server that reads them."""
    with next(journal.parent.glob("*.jsonl")).open("ab") as file:
        file.write(frame(record))
    assert "is no number of trials" in read_run(journal.parent, strict=False).damage[0]
    follower = Follower(journal.parent)
    assert follower.read()
    assert follower.state(quiet=False).done == 3


def test_a_follower_tells_of_no_trial_without_a_name(journal):
    """A case whose id is Infinity became JSON that no browser reads, and ended the stream of events."""
    follower = Follower(journal.parent)
    follower.read()
    record = {
        "t": "result",
        "trial": {
            "suite": "s",
            "suite_path": "s.yaml",
            "case": {"id": float("inf")},
            "variant": {"label": "a"},
            "repeat": 0,
        },
        "call": {"n": 1},
        "verdicts": [],
    }
    with next(journal.parent.glob("*.jsonl")).open("ab") as file:
        file.write(frame(record))
    follower.read()
    assert follower.state(quiet=False).done == 3


def test_a_lost_file_is_not_a_smaller_run(tmp_path):
    """A complete run that lacks a worker's file is refused; a lenient reader tells the gap and calls the run incomplete."""
    workers = [Journal(tmp_path / "journal", info(), worker=name) for name in ("gw0", "gw1")]
    for number, worker in enumerate(workers):
        worker.append_result(result(f"case-{number}"))
        worker.close()
    end = Journal(tmp_path / "journal", info(), worker="end")
    end.close(info(complete=True, planned=2))
    folder = end.path.parent
    assert read_run(folder).run.complete
    workers[0].path.unlink()
    with pytest.raises(StoreError, match="1 of 2 trials are in none"):
        read_run(folder)
    records = read_run(folder, strict=False)
    assert (records.run.complete, len(records.results), len(records.damage)) == (False, 1, 1)


def test_the_list_of_runs_survives_a_torn_end(journal, tmp_path):
    """A killed run, its last record torn, is listed as incomplete."""
    journal.write_bytes(journal.read_bytes()[:-20])
    (entry,) = list_runs(tmp_path)
    assert (entry.status, entry.info.run_id) == ("incomplete", "r1")
