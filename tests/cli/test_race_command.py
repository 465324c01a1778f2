"""``evalkit race``: its exit codes, and what it says to a user who asks for what cannot be."""

from __future__ import annotations

import pytest
from fakes.eval_project import Project, cases

SUITE = f"""
suite: hello
prompt: hello
variants:
  old: {{prompt: hello:v1}}
  new: {{prompt: hello:v2}}
{cases(*[f"N{number}" for number in range(40)])}
checks: [contains: Hello]
"""


@pytest.fixture
def raced(tmp_path, monkeypatch) -> Project:
    """A project whose new version always fails."""
    project = Project(tmp_path)
    path = tmp_path / "prompts/hello/v2.j2"
    path.write_text(path.read_text(encoding="utf-8").replace("I am", "My dear, I am"), encoding="utf-8")
    project.configure(answers={"dear": "no", "default": "Hello"})
    project.suite(SUITE)
    monkeypatch.chdir(tmp_path)
    return project


def test_a_winner_is_named_and_the_code_is_0(raced):
    """The old version wins: 0, in words, although every case of the new one failed."""
    found = raced.evalkit("race", "suites/hello.yaml")
    assert found.code == 0
    assert "old-scripted/m is the best of 2 variants" in found.out
    assert "race of hello: asked " in found.out


def test_nobody_knows_is_10(raced):
    """Without a difference the code is 10."""
    raced.configure(answers={"default": "Hello"})
    found = raced.evalkit("race")
    assert found.code == 10
    assert "nobody can know yet" in found.out


def test_a_race_is_no_baseline(raced):
    """Nobody compares with a run of which a part was never asked."""
    raced.evalkit("race")
    found = raced.evalkit("baseline", "save")
    assert found.code == 2
    assert "is no baseline" in found.err


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("--confidence", "1"), "not in the range"),
        (("suites/other.yaml",), "there is no suites/other.yaml"),
        (("--mode", "batch"), "not one of"),
        (("--confidenec", "0.9"), "did you mean --confidence?"),
    ],
)
def test_mistakes_are_usage_errors(raced, words, message):
    """One clear error, code 2, and nothing is asked."""
    found = raced.evalkit("race", *words)
    assert found.code == 2
    assert message in found.err + found.out
    assert not (raced.root / "reports").exists()
