"""What evalkit wrote earlier and somebody or something damaged: journals, database, cache, recordings, baselines. Nothing is lost silently."""

from __future__ import annotations

import json
import os
import re
import shutil
import zlib
from pathlib import Path

import duckdb
import pytest
from bad_input import GOOD, fifo, folder, link, sparse, write
from fakes.eval_project import Project

from evalkit.errors import RecordingError
from evalkit.providers.recordings.recording import read_recordings

CASES = "".join(f"  - {{id: c{number}, vars: {{q: hi{number}}}}}\n" for number in range(4))
DATABASE = "reports/evalkit.duckdb"
RECORDING = "suites/recordings/s.jsonl"
ASKED = {
    "pyproject.toml": '[tool.evalkit]\nmode = "replay"\n',
    "prompts/p/v1.j2": "---\ndefaults: {model: openai/gpt-5-mini}\n---\n{{ q }}",
}
EXCHANGE = {
    "model": "openai/gpt-5-mini",
    "request": {"messages": [{"role": "user", "content": "hi"}]},
    "response": {"text": "hi"},
}
BASELINE = {
    "format": "evalkit.baseline/1",
    "suite": "s",
    "suite_path": "suites/s.yaml",
    "run_id": "r",
    "started_at": "2026-01-01T00:00:00+00:00",
    "mode": "live",
    "git_revision": None,
    "evalkit_version": "0.1.0",
    "variants": [],
}
TRIAL = {"case_id": "a", "case_digest": "d", "repeat": 0, "status": "pass"}
VARIANT = {"label": "v1-scripted/m", "variant": "v1", "cell": "scripted/m", "model": "scripted/m", "trials": [TRIAL]}
TRACE = re.compile(r"Traceback|INTERNALERROR|evalkit itself failed")


@pytest.fixture(scope="module")
def measured(tmp_path_factory):
    """A project in which a run of four cases was stored."""
    root = tmp_path_factory.mktemp("measured")
    write(root, {**GOOD, "suites/s.yaml": f"suite: s\nprompt: p:v1\nchecks: [contains: hi]\ncases:\n{CASES}"})
    before = Path.cwd()
    os.chdir(root)
    try:
        assert in_project(root).evalkit("run", "-q", "-p", "no:cacheprovider").code == 0
    finally:
        os.chdir(before)
    return root


@pytest.fixture
def project(measured, tmp_path, monkeypatch):
    """A copy of it, and the current folder."""
    shutil.copytree(measured, tmp_path, dirs_exist_ok=True)
    monkeypatch.chdir(tmp_path)
    return in_project(tmp_path)


def in_project(root: Path) -> Project:
    project = Project.__new__(Project)
    project.root = root
    return project


def journal(root: Path) -> Path:
    """The journal with the answers."""
    return next(path for path in sorted(root.glob("reports/journal/*/*.jsonl")) if b'"t":"call"' in path.read_bytes())


def sealed(bodies: list[bytes]) -> bytes:
    return b"".join(b"%08x %b\n" % (zlib.crc32(body), body) for body in bodies)


def bodies(path: Path) -> list[bytes]:
    return [line[9:] for line in path.read_bytes().split(b"\n") if line]


def torn(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-40])


def zeros(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-300] + b"\0" * 300)


def flipped(path: Path) -> None:
    data = bytearray(path.read_bytes())
    data[len(data) // 3] ^= 1
    path.write_bytes(bytes(data))


def newer(path: Path) -> None:
    first, *rest = bodies(path)
    path.write_bytes(sealed([json.dumps({**json.loads(first), "format": 99}).encode(), *rest]))


def unknown_record(path: Path) -> None:
    path.write_bytes(path.read_bytes() + sealed([b'{"t":"surprise"}', b'{"t":"surprise"}']))


def contradiction(path: Path) -> None:
    other = [body.replace(b'"text":"hi"', b'"text":"ho"') for body in bodies(path)]
    path.with_name("main-9-ffffffff.jsonl").write_bytes(sealed(other))


@pytest.mark.parametrize(
    ("damage", "told"),
    [
        (torn, "the last record"),
        (zeros, "the last record"),
        (flipped, "checksum does not match"),
        (newer, "journal format 99"),
        (unknown_record, "unknown kind 'surprise'"),
        (contradiction, "two different results"),
        (lambda path: path.write_bytes(b""), "4 of 4 trials are in none"),
        (lambda path: path.write_text("hello\nworld\n"), "checksum does not match"),
        (Path.unlink, "4 of 4 trials are in none"),
    ],
    ids=["torn", "zeros", "flipped", "newer", "unknown", "contradiction", "empty", "text", "gone"],
)
def test_a_damaged_journal_is_told_and_the_rest_is_read(project, damage, told):
    """A rebuild names file, record and byte, keeps what is sound, and exits with 3: something could not be measured from it."""
    damage(journal(project.root))
    ran = project.evalkit("ingest", "--rebuild")
    assert ran.code == 3
    assert told in ran.out + ran.err
    assert not TRACE.search(ran.out + ran.err)


@pytest.mark.parametrize("damage", [flipped, newer, contradiction], ids=["flipped", "newer", "contradiction"])
@pytest.mark.parametrize("command", [("baseline", "save"), ("export", "latest")], ids=["baseline", "export"])
def test_what_leaves_the_store_is_never_made_from_a_damaged_journal(project, damage, command):
    """A baseline or an export of a part would look like the whole: one error with the file, the record and the byte."""
    damage(journal(project.root))
    ran = project.evalkit(*command)
    assert ran.code == 3
    assert re.match(r"error: \S+\.jsonl:\d+: record \d+ at byte \d+ is damaged: ", ran.err)
    assert "\n  hint: " in ran.err


@pytest.mark.parametrize(
    "odd", [fifo, folder, link("x.jsonl"), link("/etc/passwd")], ids=["fifo", "folder", "loop", "outside"]
)
@pytest.mark.parametrize(
    "command", [("history",), ("run", "-q", "-p", "no:cacheprovider"), ("ingest", "--rebuild")], ids=" ".join
)
def test_what_is_no_file_among_the_journals_is_passed_over(project, odd, command):
    """A pipe would be waited for without end."""
    odd(journal(project.root).with_name("x.jsonl"))
    ran = project.evalkit(*command)
    assert ran.code == 0, ran.out + ran.err


def garbage(path: Path) -> None:
    path.write_bytes(b"garbage" * 1000)


def made(make):
    def instead(path: Path) -> None:
        path.unlink()
        make(path)

    return instead


def from_the_future(path: Path) -> None:
    with duckdb.connect(str(path)) as database:
        database.execute("update meta set schema_version = 999")


def a_view_over_a_secret(path: Path) -> None:
    secret = path.with_name("secret.txt")
    secret.write_text("TOPSECRET")
    path.unlink()
    with duckdb.connect(str(path)) as database:
        database.execute(f"create view trials as select content from read_text('{secret}')")


def corrupt(path: Path) -> None:
    data = bytearray(path.read_bytes())
    data[100] ^= 255
    path.write_bytes(bytes(data))


@pytest.mark.parametrize(
    ("damage", "told"),
    [
        (garbage, "not a valid DuckDB database file"),
        (lambda path: path.write_bytes(b""), "not a valid DuckDB database file"),
        (corrupt, "Corrupt database file"),
        (made(folder), "not a regular file"),
        (made(fifo), "not a regular file"),
        (made(link("/etc/passwd")), "symbolic link"),
        (from_the_future, "schema version 999"),
        (a_view_over_a_secret, "not a database of evalkit"),
        (Path.unlink, "no database yet"),
    ],
    ids=["garbage", "empty", "corrupt", "folder", "fifo", "link", "newer", "view", "gone"],
)
def test_a_damaged_database_is_refused_and_can_be_made_again(project, damage, told):
    """The journals are the truth: the error says how to make the database from them, and that works."""
    damage(project.root / DATABASE)
    ran = project.evalkit("sql", "select * from trials")
    assert ran.code == 3
    assert told in ran.err
    assert "hint: " in ran.err
    assert "TOPSECRET" not in ran.out + ran.err
    assert not TRACE.search(ran.out + ran.err)
    again = project.evalkit("ingest", "--rebuild")
    assert (again.code, "4 trials" in again.out) == (0, True), again.err


@pytest.mark.parametrize(
    ("query", "told"),
    [
        ("selec", "syntax error"),
        ("", "one query at a time"),
        ("select 1; select 2", "one query at a time"),
        ("select * from nope", "nope"),
        ("drop table trials", "refused"),
        ("select * from read_text('/etc/passwd')", "no files"),
        ("attach 'x.db'", "refused"),
        ("copy trials to 'x.csv'", "refused"),
        ("install httpfs", "refused"),
    ],
)
def test_a_wrong_query_is_a_usage_error(project, query, told):
    """Nothing is changed and nothing but the tables is read."""
    ran = project.evalkit("sql", query)
    assert ran.code == 2
    assert told in ran.err
    assert "hint: " in ran.err


def exchange(**changed) -> str:
    return json.dumps({**EXCHANGE, **changed}) + "\n"


@pytest.mark.parametrize(
    ("content", "told"),
    [
        (exchange()[:-20], "s.jsonl:1: damaged line"),
        (exchange() + exchange()[:-20], "s.jsonl:2: damaged line"),
        ("hello\n", "s.jsonl:1: damaged line"),
        (f"[{exchange().strip()}]\n", "s.jsonl:1: the line"),
        (exchange(note=5), "s.jsonl:1: note"),
        (exchange(surprise=1), "s.jsonl:1: surprise"),
        (exchange(key="0" * 64), "s.jsonl:1: the request was edited by hand"),
        (exchange(key=5), "s.jsonl:1: key"),
        (exchange(request={}), "s.jsonl:1: request.messages"),
        (exchange(request={"messages": [{"role": "robot", "content": "hi"}]}), "s.jsonl:1: request.messages.0.role"),
        (exchange(request={**EXCHANGE["request"], "model": "a/b"}), "s.jsonl:1: two models"),
        (exchange(request={**EXCHANGE["request"], "repeat": -1}), "s.jsonl:1: request.repeat"),
        (exchange(response={"text": 5}), "s.jsonl:1: response.text"),
        (exchange(response={"text": "hi", "usage": {"input_tokens": -1}}), "input_tokens"),
        (exchange(response={"text": "hi", "finish": "tired"}), "s.jsonl:1: response.finish"),
        (exchange(response={"text": "hi", "latency_s": 0.5}).replace("0.5", "1e999"), "finite"),
        (exchange(response={"text": "hi", "latency_s": 0.5}).replace("0.5", "NaN"), "finite"),
        (exchange(request={**EXCHANGE["request"], "params": {"top_p": 0.5}}).replace("0.5", "1e999"), "too large"),
        (exchange().replace('"hi"}]', '"\\ud800"}]'), "s.jsonl:1: damaged line"),
        (exchange().encode("utf-16"), "UTF-16"),
        (b"\xe9" + exchange().encode(), "not UTF-8"),
        (exchange().encode() + b"\0" * 300, "s.jsonl:2: damaged line"),
        ('{"model": ' + "[" * 100_000 + "\n", "s.jsonl:1: damaged line"),
        (fifo, "FIFO"),
        (folder, "directory"),
        (link("s.jsonl"), "symbolic links"),
        (sparse(2**33), "8,589,934,592 bytes"),
    ],
)  # fmt: skip
def test_a_recording_that_was_damaged_or_edited_is_told(tmp_path, content, told):
    """With file and line, and what to do."""
    write(tmp_path, {RECORDING: content})
    with pytest.raises(RecordingError) as caught:
        read_recordings(tmp_path / RECORDING, root=tmp_path)
    assert str(caught.value).startswith(RECORDING)
    assert told in str(caught.value)
    assert caught.value.hint


@pytest.mark.parametrize(
    "content", [exchange() + exchange()[:-20], exchange(key="0" * 64), fifo], ids=["cut", "edited", "fifo"]
)
def test_a_damaged_recording_stops_a_replay_before_it_begins(tmp_path, monkeypatch, content):
    """Exit 3, because nothing was measured."""
    monkeypatch.chdir(tmp_path)
    write(tmp_path, {**GOOD, **ASKED, RECORDING: content})
    ran = in_project(tmp_path).evalkit("run", "-q", "-p", "no:cacheprovider")
    assert ran.code == 3
    assert f"error: {RECORDING}" in ran.out
    assert "hint: " in ran.out
    assert not re.search(f"_pytest|{TRACE.pattern}", ran.out + ran.err)
    assert not (tmp_path / "reports" / "journal").exists()


def baseline(**changed) -> str:
    return json.dumps({**BASELINE, "variants": [VARIANT], **changed})


def trial(**changed) -> str:
    return baseline(variants=[{**VARIANT, "trials": [{**TRIAL, **changed}]}])


@pytest.mark.parametrize(
    ("content", "told"),
    [
        ("", "not a baseline"),
        ("hello", "b.json:1: not a baseline"),
        ("[]", "not a baseline of format"),
        (baseline()[:-20], "b.json:1: not a baseline"),
        (f"<<<<<<< HEAD\n{baseline()}", "b.json:1: not a baseline"),
        (baseline(format="evalkit.baseline/99"), "evalkit.baseline/99"),
        (baseline(surprise=1), "surprise"),
        (baseline(variants=[]), "holds no trial"),
        (baseline(variants=[{**VARIANT, "trials": []}]), "holds no trial"),
        (baseline(variants=[{**VARIANT, "trials": [TRIAL, TRIAL]}]), "twice"),
        (baseline(suite=5), "suite"),
        (trial(status="great"), "status"),
        (trial(repeat=-1), "-1"),
        (trial(repeat="0"), "repeat"),
        (trial(cost_usd=0.5).replace("0.5", "NaN"), "NaN"),
        (trial(cost_usd=0.5).replace("0.5", "1e999"), "inf"),
        (trial(repeat=0).replace('"repeat": 0', '"repeat": ' + "9" * 5000), "thousands of digits"),
        ('{"suite": "s", ' + baseline()[1:], "twice"),
        ("[" * 100_000, "nested too deep"),
        (b"\xe9", "not UTF-8"),
        (baseline().encode("utf-16"), "UTF-16"),
        (link("/etc/passwd"), "not a baseline"),
    ],
)
def test_a_wrong_baseline_file_is_told(tmp_path, monkeypatch, content, told):
    """With the file, the line if it has one, and what to do; exit 3."""
    monkeypatch.chdir(tmp_path)
    write(tmp_path, {**GOOD, "b.json": content})
    ran = in_project(tmp_path).evalkit("compare", "b.json", "b.json")
    assert ran.code == 3, ran.out + ran.err
    assert ran.err.startswith("error: b.json")
    assert told in ran.err
    assert "hint: " in ran.err


@pytest.mark.parametrize("content", ["hello", baseline(variants=[])], ids=["text", "empty"])
def test_a_wrong_baseline_file_stops_the_run_before_it_is_paid(tmp_path, monkeypatch, content):
    """A gate against a baseline that cannot be read would be no gate."""
    monkeypatch.chdir(tmp_path)
    write(tmp_path, {**GOOD, "b.json": content})
    ran = in_project(tmp_path).evalkit("run", "-q", "-p", "no:cacheprovider", "--baseline", "b.json")
    assert ran.code == 3
    assert "error: b.json" in ran.out
    assert not re.search(f"_pytest|{TRACE.pattern}", ran.out + ran.err)
    assert not (tmp_path / "reports" / "journal").exists()


@pytest.mark.parametrize("make", [garbage, lambda path: path.write_bytes(b"")], ids=["garbage", "empty"])
def test_a_damaged_cache_is_set_aside(project, make):
    """Its answers come from the journals again; the old file is kept under another name."""
    make(project.root / "reports" / "cache.sqlite")
    ran = project.evalkit("run", "-q", "-p", "no:cacheprovider")
    assert ran.code == 0, ran.out
    if make is garbage:
        assert "the response cache was damaged" in ran.out
        assert list(project.root.glob("reports/cache.sqlite.damaged-*"))
