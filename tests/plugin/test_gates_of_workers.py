"""What gates say does not depend on who asked: one process, or the workers of ``-n 2``."""

from __future__ import annotations

import json
import subprocess
from typing import TYPE_CHECKING, Any

from fakes.eval_project import cases

if TYPE_CHECKING:
    from fakes.eval_project import PytestProject

SUITE = f"""
suite: hello
prompt: hello
repeats: 2
variants:
  old: {{prompt: hello:v1}}
  new: {{prompt: hello:v2}}
gates:
  - no_regression: {{metric: score(similarity), against: old, margin: 20pp}}
  - mean(score(similarity)) >= 0.2
  - no_regression: {{against: old, margin: 15pp}}
  - {{gate: pass_rate(critical) == 1, variant: old}}
  - no_regression: {{against: baseline, margin: 15pp, variant: new}}
{cases(*[f"N{number}" for number in range(30)], tags=", tags: [critical]")}
checks:
  - contains: Hello
  - similarity: {{to: Hello there, min: 0.1}}
"""
STORED = SUITE.replace("old: {prompt", "before: {prompt").replace("against: old", "against: before").replace("variant: old", "variant: before")  # fmt: skip


def asked(
    project: PytestProject, *words: str, workers: bool = True
) -> tuple[int, dict[tuple[str, str], dict[str, Any]]]:
    """The exit code of a run, and its gates by text and variant."""
    file = project.root / "run.json"
    split = ("-n", "2") if workers else ()
    ran = project.run_here("suites", "-q", "--no-header", *split, "--evalkit-json", str(file), *words)
    found = json.loads(file.read_text(encoding="utf-8"))
    return int(ran.ret), {(gate["gate"], gate["variant"]): gate for gate in found["gates"]}


def prepared(project: PytestProject) -> None:
    project.configure(answers={"I am N3.": "no", "I am N4.": "Hello you", "default": "Hello"}, concurrency=2)
    project.suite(STORED)


def against_stored(gates: dict[tuple[str, str], dict[str, Any]]) -> dict[str, Any]:
    (found,) = [gate for (text, _), gate in gates.items() if "against: baseline" in text]
    return found


def test_workers_say_what_one_process_says(project: PytestProject) -> None:
    """Scores, rates, slices and a missing baseline: the same outcomes, reasons and numbers. A first run is allowed to lack a baseline."""
    prepared(project)
    code, alone = asked(project, workers=False)
    assert asked(project) == (code, alone)
    assert code == 1, "a critical case fails"
    assert {gate["status"] for gate in alone.values()} == {"passed", "failed", "undecided"}
    assert against_stored(alone)["numbers"]["no_baseline"] is True
    project.configure(answers={"default": "Hello"}, concurrency=2)
    code, gates = asked(project, "--evalkit-allow-no-baseline")
    assert (code, against_stored(gates)["status"]) == (0, "undecided")
    scored = next(gate for (text, _), gate in gates.items() if "score(similarity), against" in text)
    assert (scored["status"], scored["numbers"]["n"]) == ("passed", 30)


def test_workers_find_every_kind_of_baseline(project: PytestProject) -> None:
    """A run, the latest of a branch, a file: each is found once by the session, and the gate says whose rows it was judged by."""

    def git(*words: str) -> None:
        subprocess.run(["git", "-c", "user.name=t", "-c", "user.email=t@example.com", *words], cwd=project.root, check=True)  # fmt: skip

    prepared(project)
    git("init", "-q", "-b", "main")
    git("add", "prompts", "suites", "pyproject.toml")
    git("commit", "-q", "-m", "first")
    asked(project, workers=False)
    first = next(path.name for path in (project.root / "reports/journal").iterdir())
    assert project.evalkit("baseline", "save", "--file", "kept.json").code == 0
    git("checkout", "-q", "-b", "feature")
    git("commit", "-q", "--allow-empty", "-m", "second")
    for name in (first, "latest:main", "kept.json"):
        gate = against_stored(asked(project, "--evalkit-baseline", name)[1])
        assert (gate["status"], gate["numbers"]["baseline_run"], gate["numbers"]["n"]) == ("passed", first, 30), name
