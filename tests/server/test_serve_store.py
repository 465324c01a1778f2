"""The server's own database: killed servers and runs, deleted runs, and threads that die."""

from __future__ import annotations

import re
import socket
import subprocess
import sys
import threading
import time
import webbrowser
from contextlib import chdir, nullcontext
from html import unescape

import pytest
from click.testing import CliRunner
from fakes.eval_project import Project
from served import SUITE

from evalkit.config import load_config
from evalkit.errors import StoreError, StoreLockedError
from evalkit.model.results import Label
from evalkit.server import histories, pages_compare, serving
from evalkit.server.ahead import make_ahead
from evalkit.server.app import create_app
from evalkit.server.figures import newest_runs, run_figures
from evalkit.server.live import Live
from evalkit.server.refreshing import Refresher
from evalkit.server.rendering import templates
from evalkit.server.site import Access, Site
from evalkit.server.troubles import Troubles
from evalkit.store.labels.book import LabelBook
from evalkit.store.labels.counted import labelled_counts
from evalkit.store.labels.secret import veil_of
from evalkit.store.mirror import FOLDER, mirrored
from evalkit.store.purge import require_quiet

LEFT = """
import os, sys
from pathlib import Path
from evalkit.store.mirror import mirrored
with mirrored(Path(sys.argv[1])):
    print("open", flush=True)
    sys.stdin.readline()
    os._exit(9)
"""


def test_what_a_killed_server_left_is_swept_by_the_next_and_by_purge(tmp_path):
    """While a server lives its folder stands and a purge refuses; once it was killed both take it away, whoever has its number now."""
    home = tmp_path / FOLDER
    child = subprocess.Popen(
        [sys.executable, "-c", LEFT, str(tmp_path)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    assert child.stdout
    assert child.stdout.readline() == "open\n"
    (folder,) = home.iterdir()
    with mirrored(tmp_path):
        assert folder.exists()
    with pytest.raises(StoreLockedError, match="evalkit serve is running"):
        require_quiet(tmp_path)
    child.communicate("die\n", timeout=30)
    assert folder.exists(), "it was killed"
    folder.rename(home / "1-reused")  # process 1 is always alive
    require_quiet(tmp_path)
    assert not any(home.iterdir())


@pytest.fixture(scope="module")
def stored(tmp_path_factory):
    """A project with two runs, the second of other cases."""
    project = Project(tmp_path_factory.mktemp("stored"))
    with chdir(project.root):
        project.suite(SUITE)
        assert project.evalkit("run").code == 0
        project.suite(SUITE.replace("Ana", "Zoe").replace("ana", "zoe"))
        assert project.evalkit("run").code == 0
    return project


def test_what_only_a_deleted_run_had_leaves_every_table(stored):
    """Cases, requests and prompts, which runs share, go with the last run that has them, and not before."""
    reports = stored.root / "reports"
    with mirrored(reports) as store:
        store.refresh()
        one = store.version("nothing")
        before = {table: len(store.rows(f"from {table}")) for table in ("cases", "requests", "prompts")}
        newest = max(path.name for path in (reports / "journal").iterdir())
        (reports / "journal" / newest).rename(stored.root / "aside")
        assert store.refresh().forgotten == (newest,)
        after = {table: len(store.rows(f"from {table}")) for table in before}
        assert after == {"cases": before["cases"] - 1, "requests": before["requests"] - 2, "prompts": before["prompts"]}
        assert not store.rows("from cases where case_id = 'zoe'")
        assert (store.version(newest), one) == (store.generation, 0)
        (stored.root / "aside").rename(reports / "journal" / newest)


def test_a_secret_in_a_comment_is_written_nowhere(stored):
    """Who pastes a key into a comment does not find it in the journal, nor in the tables."""
    reports = stored.root / "reports"
    with mirrored(reports) as store:
        store.refresh()
        book = LabelBook(reports / "journal", store, clean=lambda text: text.replace("hunter2", "[REDACTED]"))
        run, *answer = store.rows("select run_id, suite_path, case_id, label from trials limit 1")[0].values()
        book.label(run, Label(*answer, 0, "contains", False, "ann", "2026-11-21T00:00:00+00:00", "it said hunter2"))
        assert [row["comment"] for row in store.rows("from labels")] == ["it said [REDACTED]"]
        book.close()
    written = "".join(path.read_text("utf-8") for path in (reports / "journal" / run).glob("labels-*.jsonl"))
    assert "it said [REDACTED]" in written
    assert "hunter2" not in written


def test_labelled_answers_are_looked_up_once_and_never_waited_for(stored):
    """A label counts in every run with the same answer, and is found at once; while a run is read the same is worked out anew."""
    reports = stored.root / "reports"
    with mirrored(reports) as store:
        store.refresh()
        book = LabelBook(reports / "journal", store, clean=str.strip)
        ran = store.rows("select run_id, suite_path, case_id, label from trials where case_id <> 'zoe' order by run_id")
        assert store.keeps_said()
        for number, row in enumerate((ran[0], ran[-1])):
            book.label(
                row["run_id"],
                Label(*[*row.values()][1:], 0, "contains", False, f"b{number}", "2026-11-21T00:00:00+00:00"),
            )
            for run in {one["run_id"] for one in ran}:
                found = labelled_counts(store.tuples, run, kept=store.keeps_said())
                assert found == labelled_counts(store.tuples, run)
                assert any(one.person == "fail" for cases in found for one in cases.answers) or not number
        with store._writing:  # noqa: SLF001 - a run is being read
            assert not store.keeps_said()
        book.close()


def site_of(project, store) -> Site:
    """A server's parts without a server."""
    journals, troubles = project.root / "reports" / "journal", Troubles()
    live = Live(journals, store, troubles)
    access = Access("t", "c", frozenset({"testserver"}))
    book, veil = LabelBook(journals, store, clean=str.strip), veil_of(project.root / "reports")
    return Site(load_config(project.root), store, access, templates(), live, book, veil, troubles=troubles)


def ask(site: Site, path: str):
    """One request without the threads of a real server."""
    from starlette.testclient import TestClient

    client = TestClient(create_app(site), base_url="http://testserver")
    return client.get(path, headers={"Authorization": "Bearer t"})


def test_a_comparison_says_that_one_of_the_runs_is_incomplete(stored):
    """A run that was killed is compared with what it measured, and the page does not keep quiet about it, nor does the API."""
    with mirrored(stored.root / "reports") as store:
        store.refresh()
        before, after = (row["run_id"] for row in store.rows("select run_id from runs order by run_id"))
        store._connection.execute("update runs set complete = false where run_id = $run", {"run": after})  # noqa: SLF001 - it was killed
        site = site_of(stored, store)
        for path in ("/compare", "/api/compare"):
            said = ask(site, f"{path}?a={before}&b={after}").text
            assert f"run {after} is incomplete: only what it measured is compared" in said
            assert f"run {before} is incomplete" not in said


@pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning")
def test_a_thread_that_dies_is_told_and_the_pages_go_on(stored, monkeypatch):
    """The server is not ready any more and says why; what was read is still shown, with a notice."""
    with mirrored(stored.root / "reports") as store:
        site = site_of(stored, store)
        store.refresh()
        site.ready.set()
        assert ask(site, "/readyz").json() == {"status": "ok"}
        monkeypatch.setattr(store, "refresh", lambda: {}["a mistake"])
        refresher = Refresher(site)
        refresher.start()
        until(lambda: site.troubles.first)
        refresher.stop()
        reply = ask(site, "/readyz")
        assert reply.status_code == 503
        assert reply.json()["status"] == "trouble"
        assert "the thread that reads the journals has stopped (KeyError)" in reply.json()["detail"]
        page = ask(site, "/")
        assert page.status_code == 200
        assert "These pages stand still" in page.text
        assert page.text.count("<tr data-row>") == 2


def test_a_store_that_cannot_be_read_for_a_while_is_told_until_it_can(stored, monkeypatch):
    """An error is tried again: readiness comes back by itself."""
    with mirrored(stored.root / "reports") as store:
        site = site_of(stored, store)
        broken = threading.Event()
        broken.set()
        refresh = store.refresh

        def sometimes():
            if broken.is_set():
                raise StoreError("the disk is asleep")
            return refresh()

        monkeypatch.setattr(store, "refresh", sometimes)
        monkeypatch.setattr("evalkit.server.refreshing.PAUSE_S", 0.01)
        refresher = Refresher(site)
        refresher.start()
        until(lambda: site.troubles.first)
        assert ask(site, "/readyz").json()["status"] == "trouble"
        broken.clear()
        until(site.ready.is_set)
        until(lambda: not site.troubles.first)
        refresher.stop()
        assert ask(site, "/readyz").status_code == 200


def test_open_shows_the_printed_address_and_an_open_door_is_warned_of(stored, monkeypatch):
    """``--open`` gives the browser the address with the token; ``--host 0.0.0.0`` alone is refused; with ``--public`` it warns."""
    from evalkit.server.command import serve_command

    opened = []
    monkeypatch.setattr(webbrowser, "open", opened.append)
    monkeypatch.setattr(serving, "run", lambda site, door: None)
    monkeypatch.chdir(stored.root)
    ran = CliRunner().invoke(serve_command, ["--port", "0", "--open"])
    assert len(opened) == 1
    assert f"evalkit serve: {opened[0]}  (" in ran.output
    assert "token=" in opened[0]
    assert "warning" not in ran.output
    refused = CliRunner().invoke(serve_command, ["--port", "0", "--host", "0.0.0.0"])
    assert "can be reached from other machines" in str(refused.exception)
    assert "--public" in refused.exception.hint
    with socket.socket() as door:
        door.bind(("127.0.0.1", 0))
        monkeypatch.setattr(serving, "listening", lambda address: nullcontext(door))
        public = CliRunner().invoke(serve_command, ["--port", "0", "--host", "0.0.0.0", "--public"])
    assert "warning: other machines can reach this server, and nothing is encrypted" in public.output
    assert len(opened) == 1


def until(wanted):
    """Wait for another thread."""
    end = time.monotonic() + 60
    while not wanted():
        assert time.monotonic() < end
        time.sleep(0.005)


def test_a_comparison_lists_few_flips_and_then_all(tmp_path, monkeypatch):
    """The first page of a comparison names the first cases of a kind, says of how many, and leads to all of them."""
    monkeypatch.setattr(pages_compare, "FEW_FLIPS", 1)
    stored = Project(tmp_path)
    with chdir(tmp_path):
        stored.suite(SUITE)
        stored.evalkit("run")
        stored.configure(answers={"default": "Go away."})
        stored.evalkit("run", "--mode", "refresh")
    with mirrored(stored.root / "reports") as store:
        site = site_of(stored, store)
        store.refresh()
        site.ready.set()
        newer, older = (run.run_id for run in newest_runs(site, limit=2))
        label = run_figures(site, newer).variants[0].variant
        first = ask(site, f"/compare?a={older}:{label}&b={newer}:{label}").text
        assert first.count("<tr data-row>") == 1
        (count,) = re.findall(r"The first 1 of (\d+)\.", first)
        (link,) = re.findall(r'href="([^"]+flips=all)"', first)
        every = ask(site, unescape(link)).text
        assert every.count("<tr data-row>") == int(count) > 1
        assert "List them all" not in every


def test_a_comparison_shows_the_gates_about_it_and_their_margin(tmp_path):
    """What the run's gates said of these two sides, what failed first; another run's comparison has none of it."""
    gates = (
        "gates:\n  - {gate: 'pass_rate >= 0.1', allow_infeasible: true}\n"
        "  - no_regression: {against: baseline, margin: 0.3, allow_infeasible: true}\n"
    )
    project = Project(tmp_path)
    with chdir(tmp_path):
        project.suite(SUITE + gates)
        project.evalkit("run")
        project.suite(SUITE)
        project.evalkit("run")
    with mirrored(tmp_path / "reports") as store:
        site = site_of(project, store)
        store.refresh()
        site.ready.set()
        newer, older = (run.run_id for run in newest_runs(site, limit=2))
        about = ask(site, f"/compare?a={older}:baseline&b={older}:candidate").text
        places = [about.index(f"<code>{gate}") for gate in ("no_regression", "pass_rate &gt;= 0.1")]
        assert places == sorted(places), "what is undecided comes before what passed"
        assert "3 cases, margin −30 pp" in about
        other = ask(site, f"/compare?a={newer}:baseline&b={newer}:candidate").text
        assert "no_regression" not in other
        assert ", margin" not in other


def test_a_history_that_takes_long_is_made_while_the_reader_is_told(stored, monkeypatch):
    """The first answer waits for nothing: it says that the page is being made, and comes again until it is there."""
    may = threading.Event()
    real = histories.history_rows

    def slow(*args):
        may.wait()
        return real(*args)

    monkeypatch.setattr(histories, "history_rows", slow)
    with mirrored(stored.root / "reports") as store:
        site = site_of(stored, store)
        store.refresh()
        site.ready.set()
        try:
            first = ask(site, "/history?suite=hello")
            assert (first.status_code, first.headers["refresh"]) == (202, "1")
            assert "is being counted" in first.text
        finally:
            may.set()
        until(lambda: ask(site, "/history?suite=hello").status_code == 200)
        assert "refresh" not in ask(site, "/history?suite=hello").headers


def test_what_the_newest_run_leads_to_is_made_ahead(stored, monkeypatch):
    """Its figures, its comparison with the run before and its suite's history are answered without counting again, until a run is read."""
    with mirrored(stored.root / "reports") as store:
        site = site_of(stored, store)
        store.refresh()
        site.ready.set()
        make_ahead(site)
        newer, older = (run.run_id for run in newest_runs(site, limit=2))

        def never(*_args, **_values):
            raise StoreError("asked again")

        for name in ("figures.run_page", "comparing._compared", "histories.history_rows"):
            monkeypatch.setattr(f"evalkit.server.{name}", never)
        paths = (f"/compare?a={older}&b={newer}", "/history?suite=hello", f"/runs/{newer}")
        assert [ask(site, path).status_code for path in paths] == [200, 200, 200]
        store.generation += 1
        assert [ask(site, path).status_code for path in paths] == [503, 200, 200], (
            "the history before is shown meanwhile"
        )
        site.histories.clear()  # as when a run was deleted
        until(lambda: ask(site, paths[1]).status_code == 503)
