"""What other processes measured is heard as their journals grow: whole lines only, once each, and never one's own."""

from __future__ import annotations

from fakes.eval_project import Project, cases

from evalkit.harness import api
from evalkit.store.journal.elsewhere import Elsewhere


def test_results_are_heard_once_and_whole(tmp_path):
    """A journal that grows byte by byte: each result comes when its line is whole; the own journal is never read."""
    project = Project(tmp_path)
    project.suite(f"suite: hello\nprompt: hello:v1\n{cases('Ana', 'Bo', 'Cy')}\nchecks: [contains: Hello]\n")
    run = api.run(root=tmp_path).report.run.run_id
    (written,) = (tmp_path / "reports" / "journal" / run).glob("main-*.jsonl")
    folder = tmp_path / "growing"
    folder.mkdir()
    elsewhere, heard, raw = Elsewhere(folder, own="gw0-"), [], written.read_bytes()
    (folder / "gw0-1-aa.jsonl").write_bytes(raw)
    assert elsewhere.news() == []
    for end in [*range(0, len(raw), 97), len(raw)]:
        (folder / "gw1-2-bb.jsonl").write_bytes(raw[:end])
        heard += elsewhere.news()
    assert sorted(result.trial.case.id for result in heard) == ["ana", "bo", "cy"]
    assert {result.status for result in heard} == {"pass"}
    assert elsewhere.news() == []


def test_what_makes_no_sense_is_passed_over(tmp_path):
    """Noise, a folder that is not there yet, a record of another kind: nothing is heard, nothing breaks."""
    assert Elsewhere(tmp_path / "none", own="gw0-").news() == []
    (tmp_path / "gw1-1-aa.jsonl").write_bytes(b"noise\n00000000 {}\nhalf a li")
    assert Elsewhere(tmp_path, own="gw0-").news() == []
