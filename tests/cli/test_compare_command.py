"""``evalkit compare``: what may stand on a side, and the same numbers as text and as JSON."""

from __future__ import annotations

import json
import re
import shutil

import pytest
from fakes.eval_project import Project, cases

NAMES = [f"N{number}" for number in range(12)]
SUITE = f"""
suite: hello
prompt: hello
variants:
  baseline: {{prompt: hello:v1}}
  candidate: {{prompt: hello:v2}}
{cases(*NAMES)}
checks: [contains: Hello]
"""


def run(project, *bad):
    """Run the suite; cases whose text holds one of ``bad`` fail. Returns the run's id."""
    before = set(runs(project))
    project.configure(answers={**dict.fromkeys(bad, "no"), "default": "Hello"})
    assert project.evalkit("run").code in {0, 1}
    (new,) = set(runs(project)) - before
    return new


def runs(project):
    folder = project.root / "reports" / "journal"
    return [path.name for path in folder.iterdir()] if folder.is_dir() else []


@pytest.fixture(scope="module")
def past(tmp_path_factory):
    """A project with two runs that the stories below only read: all passed in the older one, two cases failed in the newer."""
    project = Project(tmp_path_factory.mktemp("past"))
    project.suite(SUITE)
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(project.root)
        return project, (run(project), run(project, "I am N3.", "I am N4."))


@pytest.fixture
def two_runs(past, monkeypatch):
    """The ids of the older and the newer run; the current folder is their project."""
    monkeypatch.chdir(past[0].root)
    return past[1]


@pytest.fixture
def project(request, past, tmp_path, monkeypatch):
    """The project of ``two_runs`` for a story that asks for them, else a fresh one."""
    if "two_runs" in request.fixturenames:
        return past[0]
    monkeypatch.chdir(tmp_path)
    return Project(tmp_path)


def as_json(project, *words, code=0):
    ran = project.evalkit("compare", *words, "--format", "json")
    assert ran.code == code, ran.err
    return json.loads(ran.out)


def test_two_variants_of_the_latest_run(project, two_runs):
    """Names alone mean the newest run."""
    (found,) = as_json(project, "baseline", "candidate")
    assert (found["baseline"]["variant"], found["candidate"]["variant"]) == ("baseline", "candidate")
    assert found["baseline"]["run_id"] == found["candidate"]["run_id"] == two_runs[1]
    assert found["n_paired"] == 12
    assert found["flips"]["both_fail"] == 2


def test_run_chooses_where_variants_are_looked_up(project, two_runs):
    """--run OLD compares inside the older run."""
    (found,) = as_json(project, "baseline", "candidate", "--run", two_runs[0])
    assert found["baseline"]["run_id"] == two_runs[0]
    assert found["flips"]["both_pass"] == 12


def test_a_variant_of_a_run_on_each_side(project, two_runs):
    """RUN:VARIANT, with the run's id or ``latest``; the candidate lost two cases between them."""
    (found,) = as_json(project, f"{two_runs[0]}:candidate", "latest:candidate")
    assert [found["flips"][kind] for kind in ("broken", "fixed")] == [2, 0]
    assert {flip["case_id"] for flip in found["flips"]["items"]} == {"n3", "n4"}


def test_two_whole_runs_are_paired_variant_by_variant(project, two_runs):
    """A beginning of the id is enough; one comparison per variant."""
    older = two_runs[0][: len(two_runs[0]) - 1]
    found = as_json(project, older, "latest")
    assert [one["baseline"]["variant"] for one in found] == ["baseline", "candidate"]
    assert all(one["flips"]["broken"] == 2 for one in found)
    assert as_json(project, "--baseline", two_runs[0]) == found
    assert as_json(project, two_runs[1], "--baseline", two_runs[0]) == found


def test_a_whole_run_beside_a_variant_stands_for_that_variant(project, two_runs):
    """Both variants of the run must not be poured into one side."""
    (found,) = as_json(project, two_runs[0], "latest:candidate")
    assert found["baseline"]["trials"] == found["candidate"]["trials"] == 12
    assert found["baseline"]["variant"] == "candidate"


def test_a_suite_that_moved_to_the_next_version_is_still_compared(project):
    """A suite without variants ran with v1 then and with v2 now: that is the comparison people want most."""
    text = f"suite: hello\nprompt: hello:v1\n{cases(*NAMES)}\nchecks: [contains: Hello]\n"
    project.suite(text)
    older = run(project)
    project.suite(text.replace("hello:v1", "hello:v2"))
    run(project, "I am N3.")
    (found,) = as_json(project, older, "latest")
    assert (found["baseline"]["variant"], found["candidate"]["variant"]) == ("v1", "v2")
    assert found["flips"]["broken"] == 1


def test_two_models_can_be_compared(project):
    """Variants that were crossed with models are told apart by their full label."""
    project.suite(SUITE + "models: [scripted/a, scripted/b]\n")
    run(project)
    found = as_json(project, "baseline", "candidate")
    assert [one["candidate"]["label"] for one in found] == ["candidate-scripted/a", "candidate-scripted/b"]
    (one,) = as_json(project, "candidate-scripted/a", "candidate-scripted/b")
    assert (one["baseline"]["label"], one["n_paired"]) == ("candidate-scripted/a", 12)


def test_the_text_tells_the_numbers_of_the_json(project, two_runs):
    """Rates, change and interval agree; the sentence is the same."""
    words = (f"{two_runs[0]}:candidate", "latest:candidate", "--margin", "0.1", "--confidence", "0.9")
    (found,) = as_json(project, *words, code=10)
    text = project.evalkit("compare", *words).out
    metric = found["metrics"][0]
    shown = re.search(
        r"^pass_rate\s+([\d.]+)% → ([\d.]+)%\s+(\S+) pp\s+90% interval (\S+) to (\S+)", text, re.MULTILINE
    )
    numbers = [float(part.replace("−", "-")) for part in shown.groups()]
    interval = metric["interval"]
    expected = [metric["a"]["mean"], metric["b"]["mean"], metric["delta"], interval["lower"], interval["upper"]]
    assert numbers == [round(100 * value, 1) for value in expected]
    assert interval["confidence"] == 0.9
    assert found["margin"] == 0.1
    assert found["sentence"] in text
    assert "flips    2 broken   0 fixed   10 pass both   0 fail both" in text


def test_what_is_not_compared_is_said(project):
    """A variant and a suite that only one run has, and a run that did not end: notes on stderr, which JSON does not mix with."""
    project.suite(SUITE)
    oldest = run(project)
    project.suite(SUITE.replace("  candidate: {prompt: hello:v2}", "  other: {prompt: hello:v2}"))
    project.suite(f"suite: more\nprompt: hello:v1\n{cases('Ana')}\nchecks: [contains: Hello]\n", name="more")
    newest = run(project)
    ran = project.evalkit("compare", oldest, newest, "--format", "json")
    assert len(json.loads(ran.out)) == 1
    assert f"only in run {oldest}, not compared: hello candidate-scripted/m" in ran.err
    assert f"only in run {newest}, not compared: hello other-scripted/m" in ran.err
    assert f"only in run {newest}, not compared: more v1-scripted/m" in ran.err
    project.configure(answers={"default": "no"})
    assert project.evalkit("run", "-x").code == 1
    assert "is incomplete: only what it measured is compared" in project.evalkit("compare", newest, "latest").err


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["baseline", "candidat"], "'candidat' is neither a run nor a variant of run "),
        (["baseline", "candidat"], "did you mean 'candidate'"),
        (["baseline", "candidat"], "of another run: RUN:candidat"),
        (["baseline", "latest:nope"], "valid: "),
        (["baseline", "candidate", "--run", "20010101T000000"], "there is no run '20010101T000000'"),
        (["baseline", "candidate", "--margin", "2"], "--margin 2.0: between 0 and 1; 0.02 is 2 percentage points"),
        (["baseline", "candidate", "--margin", "two"], "'two' is no rate; write 0.02, 2pp or 2%"),
        (["baseline", "candidate", "--margin", "0pp"], "--margin 0.0: between 0 and 1"),
        (["baseline", "candidate", "--margin", "nan"], "--margin nan"),
        (["baseline", "candidate", "--confidence", "95"], "--confidence 95.0: between 0.5 and 1, for example 0.95"),
        (["a", "b", "--baseline", "c"], "with --baseline name at most one side"),
    ],
)
def test_a_wrong_side_or_number_says_what_there_is(project, two_runs, words, said):
    """Exit 2, one message, nothing on stdout."""
    ran = project.evalkit("compare", *words)
    assert (ran.code, ran.out) == (2, "")
    assert said in ran.err


def test_a_margin_is_written_as_in_a_gate(project, two_runs):
    """0.02, 2pp and 2% are the same two points."""
    said = [project.evalkit("compare", "baseline", "candidate", "--margin", margin) for margin in ("0.02", "2pp", "2%")]
    assert {ran.code for ran in said} == {10}
    assert len({ran.out for ran in said}) == 1
    assert said[0].out != project.evalkit("compare", "baseline", "candidate", "--margin", "40pp").out


def test_without_runs_it_says_what_to_do(project):
    """Before the first run there is nothing to compare."""
    ran = project.evalkit("compare", "baseline", "candidate")
    assert ran.code == 2
    assert "there are no runs in" in ran.err
    assert "run a suite first: pytest suites" in ran.err


def test_an_id_that_fits_two_runs_is_refused(project, two_runs):
    """Never the wrong run: the candidates are listed."""
    ran = project.evalkit("compare", two_runs[0][:8], "latest")
    assert ran.code == 2
    assert all(run_id in ran.err for run_id in two_runs)


def test_the_answers_of_the_cases_that_flipped(project, two_runs):
    """Both sides of each broken case with what was asked and why it fails; a case that stayed as it was is not among them."""
    shown = project.evalkit("compare", f"{two_runs[0]}:candidate", "latest:candidate", "--answers").out
    answers = shown.partition("▼ broken  n3\n")[2]
    before, after = (f"candidate-scripted/m of {run_id}" for run_id in two_runs)
    flat = " ".join(answers.split())
    assert flat.startswith(f"customer: N3 {before}: ✓ Hello {after}: ✗ contains: 'Hello' not found no ▼ broken n4 ")
    assert "n5" not in answers
    assert "no case flipped" in project.evalkit("compare", "baseline", "candidate", "--answers").out


def test_a_saved_baseline_has_no_answers(project):
    """The side of the run has them; of the file it is said that it has none."""
    project.suite(SUITE)
    run(project)
    assert project.evalkit("baseline", "save").code == 0
    run(project, "I am N3.")
    (saved,) = (project.root / "baselines").iterdir()
    for path in (project.root / "reports" / "journal").iterdir():
        if path.name != max(runs(project)):
            shutil.rmtree(path)
    shown = project.evalkit(
        "compare", f"{saved.relative_to(project.root)}:candidate", "latest:candidate", "--answers"
    ).out
    assert "no answer is stored here" in shown
    assert "✗ contains: 'Hello' not found" in " ".join(shown.split())


def test_answers_cannot_steer_the_terminal(project):
    """A name, a variable and an answer with escapes and line ends are one visible line each."""
    project.suite(SUITE.replace("N3}", '"N3\\e[31m\\n::error::x"}'))
    run(project)
    project.configure(answers={"N3": "no\x1b[2J\n::warning::y", "default": "Hello"})
    project.evalkit("run")
    older, newer = sorted(runs(project))
    shown = project.evalkit("compare", f"{older}:candidate", f"{newer}:candidate", "--answers").out
    assert "\x1b" not in shown
    assert "▼ broken" in shown
    assert not [line for line in shown.splitlines() if line.lstrip().startswith("::")]


def test_answers_are_for_the_terminal(project, two_runs):
    """JSON and Markdown have forms of their own."""
    assert project.evalkit("compare", *two_runs, "--answers", "--format", "json").code == 2
