"""Bad disks: no locks, no space, no right to write, a file that is larger than the memory. Nothing paid is lost, and it is said what is."""

from __future__ import annotations

import errno
import os
import sqlite3
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import duckdb
import pytest
from fakes.eval_project import Project, cases
from fakes.llm_server import LLMServer

import evalkit
from evalkit.errors import StoreError, StoreLockedError
from evalkit.store import batches
from evalkit.store.cache import Cache
from evalkit.store.database.connection import opened
from evalkit.store.database.ingest import ingest

if TYPE_CHECKING:
    from collections.abc import Iterator

SUITE = f"suite: hello\nprompt: hello:v1\n{cases('Ana', 'Bob')}\nchecks: [contains: Hello]\n"


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Project:
    """A project with a suite of two cases; the current folder."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("OPENAI_API_KEY", "sk-test-0123456789")
    made = Project(tmp_path)
    made.suite(SUITE)
    return made


@pytest.fixture
def server(project: Project) -> Iterator[LLMServer]:
    """A model that says hello, which the project asks."""
    with LLMServer(lambda asked: "Hello") as running:
        project.live(running.url)
        yield running


def rows(project: Project) -> int:
    """How many trials the database has."""
    with opened(project.root / "reports" / "evalkit.duckdb", read_only=True) as database:
        (count,) = database.execute("select count(*) from trials").fetchone() or (None,)
    return int(count)


# -- file systems that cannot lock, as some network mounts ---------------------------------------------------------------------------------


class Unlockable(sqlite3.Connection):
    """SQLite where ``fcntl`` says ENOLCK: whatever needs a lock fails."""

    def execute(self, sql: str, *given: Any) -> sqlite3.Cursor:
        if sql == "pragma journal_mode":
            error = sqlite3.OperationalError("disk I/O error")
            error.sqlite_errorcode = sqlite3.SQLITE_IOERR_LOCK
            raise error
        return super().execute(sql, *given)


def test_a_cache_that_cannot_be_locked_is_in_memory(
    project: Project, server: LLMServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The answers of earlier runs are found all the same, because the journals hold them; the run says what to do, and is green."""
    real = sqlite3.connect

    def connect(where: Path | str, **options: Any) -> sqlite3.Connection:
        return real(where, **options, **({} if where == ":memory:" else {"factory": Unlockable}))

    monkeypatch.setattr(sqlite3, "connect", connect)
    first, second = evalkit.run(), project.evalkit("run", "--evalkit-no-report")
    assert (first.exit_code, second.code) == (0, 0)
    assert len(server.requests) == 2, "the second run paid nothing"
    assert "the response cache cannot be locked where it lies (disk I/O error)" in " ".join(second.out.split())
    assert not list((project.root / "reports").glob("cache.sqlite.damaged*"))


def test_a_cache_without_shared_memory_does_without_a_write_ahead_log(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A file system that cannot map memory refuses the log without an error; nobody may ask for it for ever."""
    real = sqlite3.connect

    def connect(where: Path, **options: Any) -> sqlite3.Connection:
        return real(f"file:{where}?vfs=unix-dotfile", uri=True, **options)

    monkeypatch.setattr(sqlite3, "connect", connect)
    cache = Cache(tmp_path / "cache.sqlite")
    assert cache.notes == []
    assert cache.get("k") is None
    cache.close()


def test_a_database_that_cannot_be_locked_is_no_matter_of_waiting(
    project: Project, server: LLMServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The run ends at once with the reason, not after the wait for another process; moved to a local disk everything is ingested."""
    tried: list[str] = []
    with monkeypatch.context() as nfs:

        def connect(path: str, **options: Any) -> Any:
            tried.append(path)
            raise duckdb.IOException(f'IO Error: Could not set lock on file "{path}": No locks available.')

        nfs.setattr(duckdb, "connect", connect)
        done = evalkit.run()
    assert (done.exit_code, len(tried)) == (3, 1)
    assert "cannot lock files" in done.problems[0]
    assert "local disk" in done.problems[0]
    assert done.html is not None
    assert project.evalkit("ingest").code == 0
    assert rows(project) == 2


@pytest.mark.parametrize(
    ("number", "kind", "says"),
    [(errno.ENOLCK, StoreError, "No locks available"), (errno.EAGAIN, StoreLockedError, "another process")],
)
def test_batches_need_a_lock(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, number: int, kind: type[StoreError], says: str
) -> None:
    """Without one two sessions could pay for one batch twice: refused, and told apart from a lock that somebody holds."""

    def refuse(fd: int, how: int) -> None:
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr(batches.fcntl, "flock", refuse)
    with pytest.raises(StoreError, match=says) as caught:
        batches.BatchLog(tmp_path)
    assert type(caught.value) is kind


# -- a database that is held, or cannot grow -----------------------------------------------------------------------------------------------


HOLDING = "import duckdb, sys\nwith duckdb.connect(sys.argv[1]): print('held', flush=True); sys.stdin.read()"


def test_a_held_database_costs_the_run_its_rows_for_now(
    project: Project, server: LLMServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Somebody keeps the database open: the run is measured, its page written, the holder named, exit 3; the next run brings both in."""
    evalkit.run()
    monkeypatch.setitem(ingest.__kwdefaults__, "wait_s", 0.05)
    words = [sys.executable, "-c", HOLDING, project.root / "reports" / "evalkit.duckdb"]
    with subprocess.Popen(words, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as holder:
        holder.stdout.readline()
        held = evalkit.run()
        holder.communicate("")
    assert held.exit_code == 3
    assert f"process {holder.pid} holds the database; nothing is lost" in held.problems[0]
    assert held.html is not None
    assert evalkit.run().problems == ()
    assert rows(project) == 6
    assert len(server.requests) == 2


# -- no space left, at each thing that is written besides the journal -----------------------------------------------------------------------

LIMITED = """
import resource, sys
from evalkit.cli.main import main
resource.setrlimit(resource.RLIMIT_FSIZE, (int(sys.argv[1]), resource.RLIM_INFINITY))
main(sys.argv[2:])
"""


def on_a_full_disk(project: Project, *words: str, room: int = 0) -> subprocess.CompletedProcess[str]:
    """An evalkit command that may let no file grow beyond ``room`` bytes."""
    command = [sys.executable, "-c", LIMITED, str(room), *words]
    done = subprocess.run(command, cwd=project.root, capture_output=True, text=True, check=False, timeout=60)
    assert "Traceback" not in done.stderr + done.stdout, done.stdout + done.stderr
    return done


def content(root: Path) -> dict[str, bytes]:
    """Every file of the project that is no journal, cache or database."""
    skipped = {".duckdb", ".sqlite", ".wal", ".jsonl", ".pyc"}
    return {
        str(path.relative_to(root)): path.read_bytes()
        for path in root.rglob("*")
        if path.is_file() and path.suffix not in skipped and ".pytest_cache" not in path.parts
    }


WRITING = {
    "everything": ("run",),
    "a baseline": ("baseline", "save", "hello"),
    "the lock of prompts": ("prompts", "release", "hello:v2"),
    "a project": ("init", "fresh"),
    "the database": ("ingest", "--rebuild"),
    "the page of a history": ("history", "hello", "--html"),
}


@pytest.mark.parametrize("words", WRITING.values(), ids=WRITING)
def test_no_space_left(project: Project, server: LLMServer, words: tuple[str, ...]) -> None:
    """One sentence that names the file and the reason, exit 2 or 3, no half file, and every file that was there is as it was."""
    project.evalkit("prompts", "release", "hello:v1")
    evalkit.run()
    before = content(project.root)
    done = on_a_full_disk(project, *words)
    assert done.returncode in {2, 3}, done.stdout + done.stderr
    told = done.stderr + done.stdout
    assert "File too large" in told or "No usable temporary directory" in told, told
    assert {name: text for name, text in content(project.root).items() if text} == before
    assert rows(project) == 2


@pytest.mark.parametrize(("option", "code"), [("--evalkit-json", 3), ("--evalkit-markdown", 3), ("--evalkit-log", 0)])
def test_a_file_for_others_that_cannot_be_written(project: Project, server: LLMServer, option: str, code: int) -> None:
    """``/dev/full`` has no space: the run is measured and stored, and what could not be written is named. Only the log of events is optional."""
    link = project.root / "out"
    link.symlink_to("/dev/full")
    ran = project.evalkit("run", option, str(link))
    assert ran.code == code, ran.out
    assert "No space left on device" in ran.out + ran.err
    assert rows(project) == 2


# -- no right to write --------------------------------------------------------------------------------------------------------------------


ORDINARY = """
import ctypes, sys
# Root may write everywhere; without its capabilities it is held to a folder's mode like anybody else (man 2 capset).
ctypes.CDLL(None).capset((ctypes.c_uint32 * 2)(0x20080522, 0), (ctypes.c_uint32 * 6)())
from evalkit.cli.main import main
main(sys.argv[1:])
"""


@pytest.fixture
def readable(project: Project) -> Iterator[Project]:
    """The project in a folder that may only be read."""
    project.root.chmod(0o555)
    (project.root / "prompts").chmod(0o555)
    yield project
    (project.root / "prompts").chmod(0o755)
    project.root.chmod(0o755)


@pytest.mark.parametrize(
    ("words", "code", "says"),
    [
        (("run",), 3, "cannot create the journal: Permission denied"),
        (("prompts", "release", "hello:v1"), 2, "Permission denied"),
        (("estimate",), 0, "calls"),
        (("prompts", "list"), 0, "hello"),
    ],
)
def test_a_folder_that_may_only_be_read(
    readable: Project, server: LLMServer, words: tuple[str, ...], code: int, says: str
) -> None:
    """What writes is one sentence with the path, before anything is asked; what only reads works."""
    command = [sys.executable, "-B", "-c", ORDINARY, *words]
    done = subprocess.run(command, cwd=readable.root, capture_output=True, text=True, check=False, timeout=60)
    assert done.returncode == code, done.stdout + done.stderr
    assert says in done.stdout + done.stderr
    assert "Traceback" not in done.stdout + done.stderr
    assert server.requests == []


# -- journals that are larger than the memory ----------------------------------------------------------------------------------------------


BOUNDED = """
import resource, sys
from pathlib import Path
sys.path.insert(0, sys.argv[2])
from dataclasses import replace
from samples import call, info
from evalkit.store.cache import Cache
from evalkit.store.journal.writer import Journal
from evalkit.store.journal.lines import scan
from evalkit.store.journal.reader import list_runs, read_run

root = Path(sys.argv[1])
journal = Journal(root / "journal", info())
for number in range(60):
    one = call(str(number), answer=f"{number} " + "x" * 1_000_000)
    journal.settle(one).result()
journal.close()
with journal.path.open("r+b") as file:
    file.seek(-500_000, 2)
    file.truncate()  # the last record is cut short
    if sys.argv[3] == "zeros":
        file.truncate(300_000_000)  # and a crash of the machine left zeros behind it

def taken():
    return int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()

resource.setrlimit(resource.RLIMIT_AS, (taken() + 40_000_000, resource.RLIM_INFINITY))
lines = sum(1 for line in scan(journal.path))
cache = Cache(root / "cache.sqlite")
absorbed = cache.absorb(root / "journal")
print(lines, absorbed.responses, cache.get(call("7").request.key).text[:2], list_runs(root)[0].status, absorbed.damage)
"""


@pytest.mark.parametrize("tail", ["cut", "zeros"])
def test_a_journal_larger_than_the_memory_is_read(tmp_path: Path, tail: str) -> None:
    """60 MB of answers and a torn end, once with 300 MB of zeros behind it, in 40 MB: every whole answer is found."""
    here = Path(__file__).parents[1] / "store"
    command = [sys.executable, "-c", BOUNDED, tmp_path, here, tail]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=120)
    assert done.returncode == 0, done.stderr[-2000:]
    assert done.stdout.split() == ["61", "59", "7", "incomplete", "()"]
