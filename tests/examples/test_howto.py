"""The how-to pages: every query and every line of code on them runs on the examples, and the answers printed there are the answers."""

from __future__ import annotations

import re
import shutil
from dataclasses import fields
from pathlib import Path

import pytest
from fakes.eval_project import Project

import evalkit
from evalkit.store.database.frames import Frames

ROOT = Path(__file__).resolve().parents[2]
SQL = (ROOT / "docs" / "howto" / "sql.md").read_text(encoding="utf-8")
NOTEBOOK = (ROOT / "docs" / "howto" / "notebook.md").read_text(encoding="utf-8")
QUESTIONS = re.findall(r"^## (\d\. .*?)$.*?```sql\n(.*?)```\n\n```text\n(.*?)```", SQL, re.DOTALL | re.MULTILINE)


@pytest.fixture(scope="module")
def example(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of the examples, in which two suites were replayed."""
    root = tmp_path_factory.mktemp("howto")
    for name in ("prompts", "suites", "schemas"):
        shutil.copytree(ROOT / name, root / name)
    (root / "pyproject.toml").write_text('[tool.evalkit]\nmode = "replay"\n', encoding="utf-8")
    evalkit.run("suites/invoice-extract.yaml", "suites/ticket-triage.yaml", root=root)
    return root


def test_the_page_has_five_questions() -> None:
    """Each with a query and its answer."""
    assert len(QUESTIONS) == SQL.count("```sql") == SQL.count("\n## ") == 5


@pytest.mark.parametrize(("title", "query", "answer"), QUESTIONS, ids=[title for title, _, _ in QUESTIONS])
def test_each_answer_is_what_the_command_prints(
    example: Path, monkeypatch, title: str, query: str, answer: str
) -> None:
    """Character by character."""
    monkeypatch.chdir(example)
    ran = Project.evalkit(Project.__new__(Project), "sql", query)
    assert ran.code == 0, ran.err
    assert ran.out == answer


def test_the_code_for_notebooks_runs(example: Path, monkeypatch) -> None:
    """Block after block in one namespace, and what it finds is what the examples hold."""
    monkeypatch.chdir(example)
    names: dict[str, object] = {}
    for block in re.findall(r"```python\n(.*?)```", NOTEBOOK, re.DOTALL):
        exec(block, names)
    rates, summary, by_tag, messages = (names[name] for name in ("rates", "summary", "by_tag", "messages"))
    assert rates.loc["equals", "baseline"] == pytest.approx(397 / 400)
    assert summary.loc["ticket-triage", "candidate"].pass_rate == pytest.approx(0.95)
    assert by_tag["de", "candidate"] == 1.0
    assert messages[0]["role"] == "system"


def test_every_frame_is_described(example: Path) -> None:
    """The page has a row for each frame; types are the same for what is empty and what is not."""
    names = [field.name for field in fields(Frames)]
    assert re.findall(r"^\| `(\w+)` \|", NOTEBOOK, re.MULTILINE) == names
    frames = evalkit.load(example)
    kinds = {str(kind) for name in names for kind in getattr(frames, name).dtypes}
    assert kinds == {"str", "Int64", "float64", "boolean", "datetime64[us]", "object"}
    assert frames.labels.empty
    assert str(frames.labels.passed.dtype) == "boolean"
    assert str(frames.runs.git_revision.dtype) == "str"
    for name, key in (("runs", "run_id"), ("trials", "trial_id"), ("requests", "request_key"), ("calls", "call_id")):
        assert getattr(frames, name)[key].is_unique
