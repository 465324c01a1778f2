"""Baselines: what a run is compared with when the other side is not in the same run, and what is said when there is none."""

from __future__ import annotations

import json
import subprocess

import pytest

CASES = [f"c{number}" for number in range(80)]
GATE = "gates:\n  - no_regression: {against: baseline, margin: 0.05}\n"


def suite(*, variants="prompt: hello:v1", gates=GATE, check="contains: Hello"):
    rows = "\n".join(f"  - {{id: {name}, vars: {{customer: {name}}}}}" for name in CASES)
    return f"suite: hello\n{variants}\ncases:\n{rows}\nchecks: [{check}]\n{gates}"


def git(project, *words):
    """What git prints in the project's repository."""
    command = ["git", "-C", str(project.root), "-c", "user.name=t", "-c", "user.email=t@example.com", *words]
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout.strip()


def commit(project, message="a change"):
    git(project, "add", "-A", "--", "prompts", "suites", "pyproject.toml")
    git(project, "commit", "-q", "--allow-empty", "-m", message)
    return git(project, "rev-parse", "HEAD")


def answer_badly(project, *names):
    project.configure(answers={**{f"I am {name}.": "no" for name in names}, "default": "Hello"}, mode="live")


@pytest.fixture
def repository(project, monkeypatch):
    """A project in a git repository with one commit on main, and no word from a CI system about another branch."""
    for name in ("GITHUB_BASE_REF", "CI_MERGE_REQUEST_TARGET_BRANCH_NAME"):
        monkeypatch.delenv(name, raising=False)
    project.suite(suite())
    git(project, "init", "-q", "-b", "main")
    commit(project)
    return project


def gate_line(ran):
    return " ".join(" ".join(line.strip() for line in ran.out.splitlines()).partition("gate ")[2].split())


def test_a_first_run_may_lack_a_baseline_if_that_is_said(project):
    """``--allow-no-baseline``: the gate is still shown as undecided, the exit code is 0; a failure is still one, and so is any other doubt."""
    project.suite(suite())
    ran = project.evalkit("run", "--allow-no-baseline")
    assert ran.code == 0
    assert "no baseline: no run on the merge base is stored" in gate_line(ran)
    project.suite(suite() + "  - {gate: pass_rate >= 0.999, allow_infeasible: true}\n")
    assert project.evalkit("run", "--allow-no-baseline").code == 10


def test_no_baseline_is_undecided_and_never_green(project):
    """A first run, a branch that has none, and a run without this suite leave the gate open: exit 10 and the reason."""
    project.suite(suite())
    ran = project.evalkit("run")
    assert ran.code == 10
    assert "no baseline: no run on the merge base is stored, and there is no baselines/hello.json" in gate_line(ran)
    ran = project.evalkit("run", "--baseline", "latest:mian")
    assert ran.code == 10
    assert "no complete run of 'mian' with this suite is stored" in gate_line(ran)
    project.suite(suite().replace("suite: hello", "suite: other"), name="other")
    ran = project.evalkit("run", "suites/other.yaml", "--baseline", "latest")
    assert ran.code == 10
    assert "did not measure this suite" in gate_line(ran)


def test_a_named_baseline_that_does_not_exist_is_a_usage_error(project):
    """Nothing is asked, nothing is journaled."""
    project.suite(suite())
    ran = project.evalkit("run", "--baseline", "20990101")
    assert ran.code == 2
    assert "--baseline 20990101: there are no runs" in ran.err
    assert not (project.root / "reports" / "journal").exists()


def test_a_saved_baseline_is_found_and_judges_the_next_run(project):
    """Saved, shown, and then: the same answers pass, 20 broken ones fail, with the flips counted."""
    project.suite(suite())
    assert project.evalkit("run").code == 10
    saved = project.evalkit("baseline", "save")
    assert saved.out.startswith("baselines/hello.json: 80 trials of run ")
    shown = project.evalkit("baseline", "show")
    assert shown.code == 0
    assert "80/80" in shown.out
    assert project.evalkit("run").code == 0
    answer_badly(project, *CASES[:20])
    ran = project.evalkit("run")
    assert ran.code == 1
    assert "v1 is worse than the baseline" in gate_line(ran)
    assert "20 broken, 0 fixed" in " ".join(ran.out.split())


def test_a_baseline_file_is_small_sorted_and_holds_no_answer(project):
    """A line per trial in the order of labels and ids; saving the same measurements again changes no line."""
    project.suite(suite())
    project.evalkit("run")
    project.evalkit("baseline", "save")
    path = project.root / "baselines" / "hello.json"
    text = path.read_text(encoding="utf-8")
    assert "Hello!" not in text
    assert "I am" not in text
    (variant,) = json.loads(text)["variants"]
    assert [trial["case_id"] for trial in variant["trials"]] == sorted(CASES)
    assert len(text.splitlines()) == 80 + 13
    project.evalkit("baseline", "save", "hello", "--file", "again.json")
    assert (project.root / "again.json").read_text(encoding="utf-8") == text


def test_a_partial_run_is_not_saved(project):
    """A baseline of half the cases would leave the other half unpaired ever after."""
    project.suite(suite())
    project.evalkit("run", "-k", "c1")
    ran = project.evalkit("baseline", "save")
    assert ran.code == 2
    assert "did not measure all of its cases" in ran.err


def test_a_file_can_be_named_and_must_be_of_the_suite(project):
    """--baseline takes a file, or the folder they lie in; that of another suite is no baseline."""
    project.suite(suite())
    project.evalkit("run")
    project.evalkit("baseline", "save", "--file", "kept/hello.json")
    assert project.evalkit("run", "--baseline", "kept/hello.json").code == 0
    assert project.evalkit("run", "--baseline", "kept").code == 0
    project.suite(suite().replace("suite: hello", "suite: other"))
    ran = project.evalkit("run", "--baseline", "kept/hello.json")
    assert ran.code == 10
    assert "kept/hello.json is of the suite 'hello'" in gate_line(ran)


def test_the_run_on_the_merge_base_is_found(repository):
    """A branch is compared with the newest clean run of the commit it left main at, not with its own runs."""
    assert repository.evalkit("run").code == 10
    base = git(repository, "rev-parse", "HEAD")
    git(repository, "checkout", "-q", "-b", "feature")
    answer_badly(repository, *CASES[:20])
    commit(repository)
    for _ in range(2):
        ran = repository.evalkit("run")
        assert ran.code == 1
        assert f"(commit {base[:10]})" in " ".join(ran.out.split())
    shown = repository.evalkit("baseline", "show")
    assert f"(commit {base[:10]})" in shown.out


def test_a_run_with_uncommitted_changes_is_nobodys_baseline(repository):
    """What was measured then is in no commit."""
    repository.prompt("v1", tone="rude")
    repository.evalkit("run")
    git(repository, "checkout", "-q", "--", "prompts")
    git(repository, "checkout", "-q", "-b", "feature")
    commit(repository)
    ran = repository.evalkit("run")
    assert ran.code == 10
    assert "no run on the merge base is stored" in gate_line(ran)
    assert "no complete run of 'main'" in gate_line(repository.evalkit("run", "--baseline", "latest:main"))


def test_a_run_of_a_part_is_nobodys_baseline(repository):
    """It would leave the other cases without a partner."""
    repository.evalkit("run", "-k", "c1")
    git(repository, "checkout", "-q", "-b", "feature")
    commit(repository)
    assert "no run on the merge base is stored" in gate_line(repository.evalkit("run"))


def test_the_nearest_commit_with_a_run_is_taken(repository):
    """Of two older commits on main that were measured, the later one."""
    repository.evalkit("run")
    nearest = commit(repository)
    repository.evalkit("run")
    for _ in range(2):
        commit(repository)
    ran = repository.evalkit("run")
    assert f"(commit {nearest[:10]}), 1 commit before the merge base" in " ".join(ran.out.split())


def test_a_stored_baseline_leaves_the_comparison_inside_the_run(project):
    """Two variants are compared with each other as ever, and each with the baseline."""
    project.suite(suite(variants="variants: {a: {prompt: hello:v1}, b: {prompt: hello:v2}}"))
    assert "no clear difference between b and a" in " ".join(project.evalkit("run").out.split())
    project.evalkit("baseline", "save")
    ran = project.evalkit("run")
    assert ran.code == 0
    assert "no clear difference between b and a" in " ".join(ran.out.split())
    assert " ".join(ran.out.split()).count("gate ✓ passed") == 2


def test_main_is_compared_with_the_commit_before(repository):
    """On main itself the newest commit is what is measured; how far back the baseline lies is said."""
    assert repository.evalkit("run").code == 10
    for _ in range(2):
        commit(repository)
    ran = repository.evalkit("run")
    assert ran.code == 0
    assert "1 commit before the merge base" in " ".join(ran.out.split())


def test_the_target_of_a_pull_request_names_the_branch(repository, monkeypatch):
    """A CI system says where the pull request goes; the merge base is looked for there."""
    git(repository, "checkout", "-q", "-b", "release")
    release = commit(repository)
    repository.evalkit("run", "--baseline", "latest:main")
    git(repository, "checkout", "-q", "-b", "feature")
    commit(repository)
    git(repository, "update-ref", "refs/remotes/origin/release", release)
    assert repository.evalkit("run").code == 10
    monkeypatch.setenv("GITHUB_BASE_REF", "release")
    ran = repository.evalkit("run")
    assert ran.code == 0
    assert f"(commit {release[:10]})" in " ".join(ran.out.split())


def test_two_versions_of_git_run_side_by_side(repository):
    """``at: main`` and the working tree are two variants of one run: the prompts differ, and so do the answers."""
    repository.prompt("v1", tone="rude")
    repository.configure(answers={"Be rude.": "no", "default": "Hello"})
    variants = "baseline: before\nvariants:\n  before: {prompt: hello:v1, at: main}\n  now: {prompt: hello:v1}"
    repository.suite(suite(variants=variants, gates="gates:\n  - no_regression: {margin: 0.05}\n"))
    ran = repository.evalkit("run")
    texts = {
        record["prompt"].get("at"): "".join(record["prompt"]["sources"].values())
        for record in repository.journal()
        if record["t"] == "prompt"
    }
    assert "Be kind." in texts["main"]
    assert "Be rude." in texts[None]
    assert "now is" in " ".join(ran.out.split())


def test_counterparts_are_the_same_label_or_the_only_one(project):
    """The suite went on to the next version: its only variant is compared with the only one of the baseline."""
    project.suite(suite())
    project.evalkit("run")
    project.evalkit("baseline", "save")
    project.suite(suite(variants="prompt: hello:v2"))
    assert project.evalkit("run").code == 0
    project.suite(suite(variants="variants: {a: {prompt: hello:v1}, b: {prompt: hello:v2}}"))
    project.evalkit("run")
    project.evalkit("baseline", "save")
    project.suite(suite(variants="variants: {a: {prompt: hello:v1}, c: {prompt: hello:v2}}"))
    ran = project.evalkit("run")
    assert ran.code == 10
    assert "has no counterpart of c-scripted/m, only a-scripted/m, b-scripted/m" in " ".join(ran.out.split())


def test_changed_cases_are_not_paired_with_their_old_selves(project):
    """A stricter check makes other cases: the gate is undecided, not failed."""
    project.suite(suite())
    project.evalkit("run")
    project.evalkit("baseline", "save")
    project.suite(suite(check="contains: Goodbye"))
    ran = project.evalkit("run")
    assert ran.code == 10


def test_the_workers_of_xdist_change_nothing(project):
    """The process that owns the session finds the baseline."""
    project.suite(suite())
    project.evalkit("run")
    project.evalkit("baseline", "save")
    assert project.evalkit("run", "-n", "2").code == 0


def test_a_baseline_in_parquet_judges_the_next_run_too(project):
    """--format or the file's name says Parquet; the gate finds it, and two files for one suite are an error."""
    project.suite(suite())
    project.evalkit("run")
    saved = project.evalkit("baseline", "save", "--format", "parquet")
    assert saved.out.startswith("baselines/hello.parquet: 80 trials of run ")
    assert project.evalkit("run").code == 0
    project.evalkit("baseline", "save", "--file", "kept.parquet")
    assert project.evalkit("run", "--baseline", "kept.parquet").code == 0
    wrong = project.evalkit("baseline", "save", "--format", "json", "--file", "kept.parquet")
    assert wrong.code == 2
    assert "does not end with .json" in wrong.err
    project.evalkit("baseline", "save")
    both = project.evalkit("baseline", "show")
    assert both.code == 2
    assert "hello has two baselines" in both.err


def test_files_stand_on_either_side_of_a_comparison(project):
    """A file against a run, a run against a file, two files: the flips are those of the two runs; a file that is not there is one error."""
    project.suite(suite())
    project.evalkit("run")
    project.evalkit("baseline", "save", "--file", "before.json")
    answer_badly(project, *CASES[:20])
    project.evalkit("run")
    project.evalkit("baseline", "save", "--file", "after.parquet")
    for words in (("before.json", "latest"), ("before.json", "after.parquet"), ("before.json:v1", "after.parquet:v1")):
        ran = project.evalkit("compare", *words)
        assert ran.code == 0, ran.err
        assert "20 broken   0 fixed" in ran.out
    assert "0 broken   20 fixed" in project.evalkit("compare", "latest", "before.json").out
    assert "20 broken" in project.evalkit("compare", "--baseline", "before.json").out
    missing = project.evalkit("compare", "befor.json", "latest")
    assert missing.code == 2
    assert "there is no file befor.json" in missing.err
    (project.root / "after.parquet").write_bytes(b"nothing")
    damaged = project.evalkit("compare", "before.json", "after.parquet")
    assert damaged.code == 3
    assert "after.parquet" in damaged.err
    assert damaged.err.count("error:") == 1
