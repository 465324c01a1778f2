"""``evalkit history <suite>``: figures per run, what stands out, and an alarm that may be looked at after every run."""

from __future__ import annotations

import base64
import hashlib
import json
import re
import shutil

import pytest
from fakes.eval_project import cases

from evalkit.compare.stats import wilson

NAMES = [f"Case{number}" for number in range(60)]
SUITE = f"suite: hello\nprompt: hello:v1\n{cases(*NAMES)}\nchecks: [contains: Hello]\n"


def answers(project, *bad, **settings):
    """The scripted model says "no" to the customers ``bad``."""
    project.configure(answers={**{f"I am {name}.": "no" for name in bad}, "default": "Hello"}, **settings)


def history(project, code=0):
    ran = project.evalkit("history", "hello", "--format", "json")
    assert ran.code == code, ran
    return json.loads(ran.out)


def test_a_suite_without_runs_is_named_with_those_that_have_some(project):
    """A typo is answered with the names."""
    project.suite(SUITE)
    project.evalkit("run")
    ran = project.evalkit("history", "helo")
    assert ran.code == 2
    assert "did you mean 'hello'" in ran.err


def test_every_whole_run_is_a_point_with_its_interval(project):
    """Pass rate with Wilson's interval, cost and latency as they were; partial runs and other suites are left out."""
    project.suite(SUITE)
    project.suite(SUITE.replace("suite: hello", "suite: other"), name="other")
    answers(project, *NAMES[:6])
    project.evalkit("run")
    project.evalkit("run", "-k", "case1")
    found = history(project)
    (point,) = found["points"]
    assert (point.get("passed"), point["trials"], point["pass_rate"]) == (54, 60, 0.9)
    assert point["interval"]["lower"] == pytest.approx(0.7985, abs=1e-4)
    assert point["interval"]["upper"] == pytest.approx(0.9534, abs=1e-4)
    assert point["cost_usd_per_trial"] == 0
    assert point["latency_p50_s"] is None
    assert found["drift"] == []


def clustered(size: int) -> str:
    """The suite with cases in clusters of ``size``."""
    rows = "\n".join(f"  - {{id: case{i}, vars: {{customer: Case{i}}}, cluster: k{i // size}}}" for i in range(60))
    return f"suite: hello\nprompt: hello:v1\ncases:\n{rows}\nchecks: [contains: Hello]\n"


def test_cases_of_a_cluster_do_not_count_as_cases(project):
    """Six whole clusters of five fail: the interval is that of twelve clusters, much wider than that of 60 cases."""
    project.suite(clustered(5))
    answers(project, *NAMES[:30])
    project.evalkit("run")
    (point,) = history(project)["points"]
    lower, upper = point["interval"]["lower"], point["interval"]["upper"]
    assert point["pass_rate"] == 0.5
    assert (lower, upper) == pytest.approx((0.23, 0.77), abs=0.03)
    alone = wilson(30, 60)
    assert upper - lower > 1.8 * (alone.upper - alone.lower)


def test_an_alarm_needs_clusters_not_cases(project):
    """Ten cases that fell together are one look at one cluster: no alarm, though ten cases alone would have raised it."""
    for size, code in ((10, 0), (1, 1)):
        project.suite(clustered(size))
        answers(project)
        project.evalkit("run", "--mode", "live")
        answers(project, *NAMES[:10])
        project.evalkit("run", "--mode", "live")
        found = history(project, code=code)["drift"][0]["looks"][-1]
        assert (found["fell"], found["n"]) == ((1, 6) if size == 10 else (10, 60))
        shutil.rmtree(project.root / "reports")


def test_repeats_do_not_count_as_cases(project):
    """Five identical repeats are worth one: the interval is that of 60 cases, not of 300."""
    project.suite(SUITE.replace("prompt: hello:v1", "prompt: hello:v1\nrepeats: 5\nrequire: 1"))
    answers(project, *NAMES[:6])
    project.evalkit("run")
    (point,) = history(project)["points"]
    assert point["trials"] == 300
    assert point["interval"]["upper"] - point["interval"]["lower"] > 0.15


def test_a_changed_model_raises_the_alarm_and_an_unchanged_one_does_not(project):
    """Prompt and model name are the same, 20 of 60 cases fall: exit code 1 and the run since which. More looks keep it."""
    project.suite(SUITE)
    answers(project)
    for _ in range(3):
        project.evalkit("run")
    (quiet,) = history(project)["drift"]
    assert quiet["alarm_since"] is None
    assert len(quiet["looks"]) == 2
    answers(project, *NAMES[:20])
    project.evalkit("run")
    answers(project)
    project.evalkit("run")
    found = history(project, code=1)
    (drift,) = found["drift"]
    assert drift["alarm_since"] == found["points"][3]["run_id"]
    assert [(look["rose"], look["fell"]) for look in drift["looks"]] == [(0, 0), (0, 0), (0, 20), (0, 0)]
    assert "20 fell and 0 rose" in project.evalkit("history", "hello").out


def test_a_changed_prompt_is_no_drift(project):
    """It is marked in the list, and the looks begin anew."""
    project.suite(SUITE)
    answers(project)
    project.evalkit("run")
    project.prompt("v1", tone="rude")
    answers(project, *NAMES[:20])
    project.evalkit("run")
    found = history(project)
    assert [point["changed"] for point in found["points"]] == [False, True]
    assert found["drift"] == []


def test_answers_from_the_cache_are_no_new_evidence(project):
    """A replayed run is a point, and no look."""
    from fakes.llm_server import LLMServer

    project.suite(SUITE)
    with LLMServer() as server, pytest.MonkeyPatch.context() as patch:
        patch.setenv("OPENAI_API_KEY", "sk-test-0123456789")
        project.live(server.url)
        project.suite(SUITE.replace("contains: Hello", "length: {chars: {min: 1}}"))
        for _ in range(2):
            assert project.evalkit("run").code == 0
        cached = history(project)
        assert project.evalkit("run", "--mode", "live").code == 0
    assert [point["fresh"] for point in cached["points"]] == [60, 0]
    assert cached["drift"] == []
    assert len(history(project)["drift"][0]["looks"]) == 1


def test_flaky_slow_and_expensive_cases_are_named(project):
    """A case that passes every other time: 2p(1−p)·K/(K−1) over the draws of all runs."""
    project.suite(SUITE)
    for bad in ((), ("Case7",)):
        answers(project, *bad)
        project.evalkit("run")
    found = history(project)
    assert found["flaky"] == [
        {"label": "v1-scripted/m", "case_id": "case7", "passed": 1, "draws": 2, "rate": pytest.approx(1.0)}
    ]
    assert found["flake_rate"] == pytest.approx(1 / 60)
    assert found["slowest"] == []


def test_the_page_stands_alone_and_shows_the_same(project):
    """No network, one script that the policy allows by its hash; the points and the alarm are in it, names as text."""
    project.suite(SUITE.replace("suite: hello", "suite: hello\ndescription: <b>x</b>"))
    answers(project)
    project.evalkit("run")
    answers(project, *NAMES[:20])
    project.evalkit("run")
    ran = project.evalkit("history", "hello", "--html")
    assert ran.code == 1
    path = project.root / "reports" / "history" / "hello.html"
    assert str(path) in ran.err
    text = path.read_text(encoding="utf-8")
    assert text.count("<script") == 1
    script = re.search(r'<script type="module">(.*?)</script>', text, re.DOTALL).group(1)
    assert base64.b64encode(hashlib.sha256(script.encode()).digest()).decode() in text
    assert "default-src &#39;none&#39;" in text
    assert not re.findall(r"""(?:src|href)="(?!data:|#|\.\./(?:[\w-]+/)?index\.html")""", text)
    assert text.count('data-chart="interval"') == 2
    assert text.count('data-chart="trend"') == 1
    assert "DRIFT, worse since run" in text
    assert "100.0%, 95% interval 94.0% to 100.0%" in text


def test_every_point_has_the_verdict_of_its_run_and_says_what_was_judged_again(project):
    """In the list, in the terminal, as JSON and on the page: whether the run passed, and which of them only judges old answers again."""
    gated = f"{SUITE}gates: [pass_rate >= 0.5]\n"
    project.suite(gated)
    answers(project, *NAMES[:50])
    assert project.evalkit("run").code == 1
    source = history(project)["points"][0]["run_id"]
    project.suite(gated.replace("contains: Hello", "length: {words: {max: 3}}"))
    assert project.evalkit("rescore").code == 0
    project.evalkit("run", "-k", "case1")
    old, new = history(project)["points"]
    assert (old["outcome"], old["rescored"]) == ("failed", None)
    assert (new["outcome"], new["rescored"]) == ("passed", source)
    shown = project.evalkit("history", "hello").out
    assert re.search(r"✗ Failed .* 10/60 ", shown)
    assert re.search(rf"✓ Passed .* 60/60 .*\(judges the answers of {source} again\)", shown)
    partial, again, first = project.evalkit("history").out.splitlines()
    assert partial.endswith("(only part of the cases)")
    assert "✓ Passed" in again
    assert again.endswith(f"(judges the answers of {source} again)")
    assert "✗ Failed" in first
    project.evalkit("history", "hello", "--html")
    page = (project.root / "reports/history/hello.html").read_text(encoding="utf-8")
    for words in ("✗ Failed", "✓ Passed", "judged again", f'href="../{source}/index.html"', 'href="../index.html"'):
        assert words in page


def test_a_run_that_judges_again_says_so_everywhere(project):
    """Its page, its Markdown, its terminal and the list of runs name the run that gave the answers; none of them speaks of recordings."""
    project.suite(SUITE)
    project.evalkit("run")
    source = history(project)["points"][0]["run_id"]
    told = project.evalkit("rescore").out
    project.evalkit("report", "--markdown", "summary.md")
    newest = max(path.parent.name for path in project.root.glob("reports/*/index.html"))
    texts = [
        " ".join(told.split()),
        (project.root / "summary.md").read_text(encoding="utf-8"),
        (project.root / f"reports/{newest}/index.html").read_text(encoding="utf-8"),
        (project.root / "reports/index.html").read_text(encoding="utf-8"),
    ]
    for text in texts:
        assert f"nswers of run {source}, judged again" in text
        assert "replayed from recordings" not in text


def test_a_hostile_outcome_is_not_known(project):
    """What the database holds as an outcome is one of four words or nothing."""
    from evalkit.report.outcomes import known_outcome

    assert known_outcome("failed") == "failed"
    for odd in (None, 3, "<script>", ["failed"], {"failed": 1}):
        assert known_outcome(odd) is None
