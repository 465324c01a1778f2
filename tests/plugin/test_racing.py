"""A race drops the variants that are not the best, says what that saved, and never claims more than it knows."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest
from fakes.eval_project import cases
from fakes.llm_server import LLMServer

if TYPE_CHECKING:
    from fakes.eval_project import PytestProject

SUITE = f"""
suite: hello
prompt: hello
variants:
  old: {{prompt: hello:v1}}
  new: {{prompt: hello:v2}}
  third: {{prompt: hello:v3}}
{cases(*[f"N{number}" for number in range(100)])}
checks: [contains: Hello]
gates:
  - pass_rate >= 0.5
"""


def grid(project: PytestProject, **answers: str) -> None:
    """Three versions that ask differently; ``answers`` says what a version is told if not "Hello"."""
    project.prompt("v3", tone="neutral")
    for version, word in (("v2", "second"), ("v3", "third")):
        path = project.root / f"prompts/hello/{version}.j2"
        path.write_text(path.read_text(encoding="utf-8").replace("I am", f"My {word}, I am"), encoding="utf-8")
    project.configure(answers={**answers, "default": "Hello"}, concurrency=2)
    project.suite(SUITE)


def race(project: PytestProject, *words: str) -> pytest.RunResult:
    """Race the suite as ``evalkit race`` does."""
    return project.run_here("suites", "--evalkit-race", "0.95", *words)


def skips(project: PytestProject) -> list[dict]:
    """The skipped tests."""
    return [record for record in project.journal() if record["t"] == "skip"]


def test_losers_are_dropped_and_accounted_for(project: PytestProject) -> None:
    """Two of three variants always fail: they are dropped, the rest of their cases is skipped with the reason, and the winner is named."""
    grid(project, second="no", third="no")
    result = race(project)
    assert result.ret == 0
    result.stdout.fnmatch_lines(["*asked * of 300 trials, saved*", "*old-scripted/m is the best of 3 variants*"])
    records = project.journal()
    measured = sum(record["t"] == "result" for record in records)
    skipped = skips(project)
    assert measured + sum(record["trials"] for record in skipped) == 300
    assert measured < 120
    assert {record["reason"].partition(" after ")[0] for record in skipped} == {
        "race: new-scripted/m was dropped",
        "race: third-scripted/m was dropped",
        "race: decided, old-scripted/m is the best",
    }
    assert "missing" not in result.stdout.str()
    assert "FAILED" not in result.stdout.str()


def test_equal_variants_are_all_asked_and_nobody_wins(project: PytestProject) -> None:
    """Three variants that do the same: everything is asked, the race is undecided (10), and the loser of none is named."""
    grid(project)
    result = race(project)
    assert result.ret == 10
    result.stdout.fnmatch_lines([
        "*UNDECIDED nobody can know yet which is the best of 3 variants*",
        "*are left after all 100 cases*",
    ])
    assert not skips(project)


def test_one_loser_is_dropped_and_two_are_left(project: PytestProject) -> None:
    """One of three is worse, the others are equal: it is dropped, they are compared with each other, and only with each other."""
    grid(project, second="no")
    file = project.root / "run.json"
    result = race(project, "--evalkit-json", str(file))
    assert result.ret == 10
    assert {record["reason"].partition(" after ")[0] for record in skips(project)} == {
        "race: new-scripted/m was dropped"
    }
    page = json.loads(file.read_text(encoding="utf-8"))
    (found,) = [gate for gate in page["gates"] if gate["gate"] == "race of 3 variants"]
    assert found["status"] == "undecided"
    assert sorted(found["numbers"]["left"]) == ["old-scripted/m", "third-scripted/m"]
    assert found["numbers"]["asked"] + sum(record["trials"] for record in skips(project)) == 300
    assert [{one["a"]["variant"], one["b"]["variant"]} for one in page["comparisons"]] == [{"old", "third"}]
    assert [gate["status"] for gate in page["gates"] if gate["gate"] != "race of 3 variants"] == ["not_judged"] * 3
    notes = {one["label"]: one["note"] for one in page["rankings"][0]["standings"]}
    assert any(note.startswith("dropped after") for note in notes.values())


def test_a_recorded_race_replays_offline(project: PytestProject, monkeypatch: pytest.MonkeyPatch) -> None:
    """What a race asked is recorded, and no more; the replay asks no more either, and finds the same."""
    monkeypatch.setenv("OPENAI_API_KEY", "sk-test-0123456789")
    grid(project)
    for version in ("v1", "v2", "v3"):
        path = project.root / f"prompts/hello/{version}.j2"
        path.write_text(path.read_text(encoding="utf-8").replace("scripted/m", "openai/gpt-5-mini"), encoding="utf-8")
    with LLMServer(
        lambda asked: "no" if "second" in asked.question or "third" in asked.question else "Hello"
    ) as server:
        with (project.root / "pyproject.toml").open("a", encoding="utf-8") as file:
            file.write(f'\n[tool.evalkit.providers.openai]\nbase_url = "{server.url}/v1"\n')
        assert race(project, "--evalkit-mode", "live", "--evalkit-record").ret == 0
        asked = len(server.requests)
    assert asked < 200
    result = race(project, "--evalkit-mode", "replay")
    assert result.ret == 0
    outcomes = [gate for record in project.journal() if record["t"] == "gates" for gate in record["gates"]]
    first, second = (one for one in outcomes if one["gate"] == "race of 3 variants")
    keys = ("winner", "dropped", "left", "cases_looked_at")
    assert [first["numbers"][key] for key in keys] == [second["numbers"][key] for key in keys]
    result.stdout.fnmatch_lines(["*saved of*"])


def test_workers_race_together(project: PytestProject) -> None:
    """With -n 2 each worker hears what the other measured: the losers are dropped in both, and every trial is accounted for once."""
    grid(project, second="no", third="no")
    result = project.run_here("suites", "--evalkit-race", "0.95", "-n", "2", "--no-header")
    assert result.ret == 0
    result.stdout.fnmatch_lines(["*asked * of 300 trials, saved*", "*old-scripted/m is the best of 3 variants*"])
    measured = sum(record["t"] == "result" for record in project.journal())
    assert measured + sum(record["trials"] for record in skips(project)) == 300
    assert measured < 250
    assert "missing" not in result.stdout.str()


def test_clusters_are_looked_at_together(project: PytestProject) -> None:
    """Cases of a cluster are asked one after another and are one look: a clear loser is dropped after so many clusters."""
    grid(project, second="no", third="no")
    lines = "\n".join(f"  - {{id: c{n}, vars: {{customer: N{n}}}, cluster: k{n // 4}}}" for n in range(100))
    project.suite(SUITE.replace(cases(*[f"N{number}" for number in range(100)]), f"cases:\n{lines}"))
    result = race(project)
    assert result.ret == 0
    result.stdout.fnmatch_lines(["*old-scripted/m is the best of 3 variants*", "*13 clusters; *"])
    (outcome,) = [
        one for record in project.journal() if record["t"] == "gates" for one in record["gates"] if "winner" in one["numbers"]
    ]  # fmt: skip
    assert all(drop["n"] <= 25 for drop in outcome["numbers"]["dropped"])
    assert outcome["numbers"]["cases_looked_at"] % 4 == 0


def test_a_case_that_pytest_skips_does_not_stop_the_race(project: PytestProject) -> None:
    """A conftest skips some cases: the others are still looked at."""
    grid(project, second="no", third="no")
    project.write(
        "conftest.py",
        "import pytest\n\n\ndef pytest_collection_modifyitems(items):\n"
        "    for item in items:\n        if '1' in item.name.partition('[')[0]:\n"
        "            item.add_marker(pytest.mark.skip(reason='not today'))\n",
    )
    result = race(project)
    assert result.ret == 0
    assert any(record["reason"].startswith("race: decided") for record in skips(project))


def test_every_output_ranks_the_variants_in_a_table(project: PytestProject) -> None:
    """Terminal, Markdown, JSON and HTML: place, variant, rate with its interval, and what became of it; no ranking among the notes."""
    grid(project, second="no")
    result = race(project, "--evalkit-json", "run.json", "--evalkit-markdown", "run.md")
    result.stdout.fnmatch_lines([
        "*ranked by pass rate:",
        "*1. *100.0% (95% interval 96.3% to 100.0%) of 100 cases;",
        "*still in the race",
        "*3. new-scripted/m *; dropped",
    ])
    markdown = (project.root / "run.md").read_text(encoding="utf-8")
    assert "ranked by pass rate" in markdown
    assert "| 3 | new" in markdown
    page = json.loads((project.root / "run.json").read_text(encoding="utf-8"))
    assert [one["label"] for one in page["rankings"][0]["standings"]][2] == "new-scripted/m"
    assert not [note for note in page["notes"] if "ranked" in note]
    (html,) = (project.root / "reports").glob("*/index.html")
    text = html.read_text(encoding="utf-8")
    assert "ranked by pass rate" in text
    assert "3. new-scripted/m" in text


@pytest.mark.parametrize(
    ("words", "suite", "message"),
    [
        (("--evalkit-mode", "batch"), SUITE, "*evalkit run --mode batch asks every variant everything*"),
        (
            (),
            SUITE.replace("  new: {prompt: hello:v2}\n  third: {prompt: hello:v3}\n", ""),
            "*a race needs two variants*",
        ),
    ],
)
def test_what_cannot_be_raced_is_refused_before_a_call(project: PytestProject, words, suite, message) -> None:
    """Batches and a single variant: one clear error that says what to do instead, and nothing is asked."""
    grid(project)
    project.suite(suite)
    result = race(project, *words)
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    result.stderr.fnmatch_lines([message])
    assert not (project.root / "reports").exists()
