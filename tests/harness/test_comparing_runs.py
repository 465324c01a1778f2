"""Two stored runs compared by the database say what their journals say: every word, every number."""

from __future__ import annotations

import json
import shutil
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from fakes.eval_project import Project

from evalkit.compare.as_json import comparison_json
from evalkit.compare.compare import Wanted
from evalkit.compare.text import comparison_text
from evalkit.config import find_root, load_config
from evalkit.errors import ConfigError, StoreError
from evalkit.harness import api
from evalkit.harness.comparing import runs as comparing_runs
from evalkit.harness.comparing.runs import compare_counted, compare_named
from evalkit.harness.comparing.sides import History, Named, compare_sides
from evalkit.store.counting.kept import kept_runs
from evalkit.store.database.ingest import DATABASE_FILE
from evalkit.store.mirror import mirrored

if TYPE_CHECKING:
    from collections.abc import Iterator

ANSWERS = """
import json, pathlib, random
from evalkit.model.calls import Response, Usage
from evalkit.errors import CallError

def answer(request):
    question = request.messages[-1].content
    seed = pathlib.Path(__file__).with_name("seed.txt").read_text()
    source = random.Random(f"{seed} {question} {request.params} {request.repeat}")
    if source.random() < 0.08:
        raise CallError("too long", kind="bad_request", hint="ask for less")
    text = "Hello" if source.random() < 0.7 else "no"
    text += " dear" if source.random() < 0.6 else ""
    usage = Usage(input_tokens=source.randrange(10, 90), output_tokens=source.randrange(0, 5))
    slow = seed == "two" and "N7" in question
    return Response(text=text, finish="stop", usage=usage, latency_s=60.0 if slow else source.random())
"""
SUITE = """
suite: hello
prompt: hello
repeats: {repeats}
variants:
  old: {{prompt: hello:v1}}
  new: {{prompt: hello:v2}}
gates:
  - no_regression: {{against: old, margin: 30pp, allow_infeasible: true}}
  - {{gate: pass_rate(critical) >= 0.5, allow_infeasible: true}}
  - p95(latency_s) <= 2
{cases}
checks:
  - contains: Hello
  - contains: dear
  - pii: {{}}
  - {{not: {{contains: absurd}}, severity: warn}}
  - similarity: {{to: Hello dear, min: 0.1}}
"""


@pytest.fixture
def project(tmp_path, monkeypatch) -> Iterator[Project]:
    """A project whose answers are drawn by lot, with errors, tokens and latencies."""
    project = Project(tmp_path)
    project.configure(answers=None, concurrency=4)
    with (tmp_path / "pyproject.toml").open("a", encoding="utf-8") as file:
        file.write('\n[tool.evalkit.providers.scripted]\nfunction = "lots:answer"\n')
        file.write('\n[tool.evalkit.prices."scripted/m"]\ninput_usd_per_mtok = 1.0\noutput_usd_per_mtok = 2.0\n')
    project.write("lots.py", ANSWERS)
    monkeypatch.chdir(tmp_path)
    yield project
    sys.modules.pop("lots", None)


def measure(
    project: Project, seed: str, *, repeats: int = 1, names=range(24), clusters: int = 0, more: str = ""
) -> str:
    """Run the suite; return the run's id."""
    lines = "\n".join(
        f"  - {{id: c{i}, vars: {{customer: N{i}{more if i == 3 else ''}}}, tags: [{'critical' if i % 5 == 0 else 'other'}]"
        + (f", cluster: k{i % clusters}" if clusters and i % 7 else "")
        + "}"
        for i in names
    )
    project.suite(SUITE.format(repeats=repeats, cases=f"cases:\n{lines}"))
    project.write("seed.txt", seed)
    return api.run("suites/hello.yaml", mode="live", root=project.root).report.run.run_id


def rounded(value):
    """Plain JSON with floats to twelve digits: sums of a database may differ in the last one."""
    if isinstance(value, float):
        return float(f"{value:.10g}")
    if isinstance(value, dict):
        return {key: rounded(item) for key, item in value.items()}
    return [rounded(item) for item in value] if isinstance(value, (list, tuple)) else value


def both_ways(a: str, b: str, monkeypatch, **wanted):
    """The comparison by the database, and out of the journals, as text and JSON."""
    config, asked = load_config(find_root(Path.cwd())), Wanted(checks=True, **wanted)

    def never(*_, **__):
        raise AssertionError("the journals were read")

    with monkeypatch.context() as patch:
        patch.setattr(comparing_runs, "compare_sides", never)
        stored = compare_named(config, a, b, wanted=asked)
    history = History(config)
    read = compare_sides(history.choose(a), history.choose(b), wanted=asked)
    assert stored.notes == read.notes
    return [
        [(comparison_text(one), rounded(comparison_json(one)), rounded(dict(one.extra))) for one in found.comparisons]
        for found in (stored, read)
    ]


@pytest.mark.parametrize(
    "how",
    [{}, {"repeats": 3}, {"clusters": 4}, {"repeats": 2, "clusters": 5}],
    ids=["single", "repeats", "clusters", "both"],
)
def test_the_database_says_what_the_journals_say(project, monkeypatch, how):
    """Two runs with errors, warnings, a changed case and cases of one run only; repeats and clusters or not."""
    first = measure(project, "one", **how)
    second = measure(project, "two", names=range(2, 26), more="x", **how)
    for a, b in ((first, second), (f"{first}:old", f"{second}:new"), ("old", "new")):
        stored, read = both_ways(a, b, monkeypatch, margin=0.05)
        for (text, found, extra), (text_read, found_read, extra_read) in zip(stored, read, strict=True):
            assert text.splitlines() == text_read.splitlines()
            assert found == found_read
            assert extra == extra_read
        assert stored
    (_, inside, _), *_ = both_ways(f"{first}:old", f"{first}:new", monkeypatch, margin=0.05)[0]
    assert [gate["kind"] for gate in inside["gates"]] == ["no_regression", "at_least", "budget", "no_regression"]
    (text, found, _), *_ = both_ways(first, second, monkeypatch)[0]
    assert found["changed_cases"] == ["c3"]
    assert found["only_baseline"] == ["c0", "c1"]
    assert found["errors"]["candidate"] > 0
    assert "pass_rate(check:contains)" in text
    metrics = {metric["name"]: metric for metric in found["metrics"]}
    scored = metrics["score(similarity)"]
    assert (scored["n"], scored["kind"]) == (found["n_paired"], "score")
    assert how or metrics["output_tokens"]["geometric_ratio"] is None, "some answers are empty"


def served(mirror, a: str, b: str) -> tuple[bool, list[object]]:
    """The comparison out of a server's mirror, and whether both runs were counted before."""
    with mirror.paired(a, b) as runs:
        counted = kept_runs(runs._connection, a, b) is not None  # noqa: SLF001 - which way it went
        found = compare_counted(runs, Named(a, None, complete=True), Named(b, None, complete=True), Wanted(checks=True))
    return counted, [rounded((comparison_json(one), dict(one.extra))) for one in found.comparisons]


@pytest.mark.parametrize("how", [{}, {"repeats": 2, "clusters": 5}], ids=["single", "both"])
def test_a_run_counted_ahead_compares_as_any_other(project, how):
    """A mirror that has counted both runs says what it says without; a run that is read again or deleted leaves no counts."""
    first = measure(project, "one", **how)
    second = measure(project, "two", names=range(2, 26), more="x", **how)
    with mirrored(project.root / "reports") as mirror:
        mirror.refresh()
        counted, before = served(mirror, first, second)
        assert not counted
        assert mirror.count_ahead(limit=1)
        assert not mirror.count_ahead(limit=1)
        assert served(mirror, first, second) == (True, before)
        assert served(mirror, second, second)[0]
        mirror._connection.execute("update ingested set bytes = 1 where run_id = $run", {"run": second})  # noqa: SLF001 - as if it had grown
        assert mirror.refresh().read == (second,)
        assert served(mirror, first, second) == (False, before)
        journals = project.root / "reports" / "journal"
        shutil.rmtree(journals / first)
        mirror.refresh()
        with mirror.paired(first, second) as runs:
            assert not kept_runs(runs._connection, first, first)  # noqa: SLF001 - what is kept of it
            assert not runs._connection.execute(
                "select 1 from kept.cases where run_id = $run", {"run": first}
            ).fetchall()  # noqa: SLF001


def test_scores_that_only_one_of_two_runs_gave_are_not_taken_from_what_was_counted_ahead(project):
    """A run whose check gave no score was counted without scores; beside one with scores it has cases of unknown score."""
    first, second = measure(project, "one"), measure(project, "two")
    with mirrored(project.root / "reports") as mirror:
        mirror.refresh()
        mirror._connection.execute("update verdicts set score = null where run_id = $run", {"run": first})  # noqa: SLF001 - an older check
        _, before = served(mirror, first, second)
        mirror.count_ahead(limit=2)
        assert served(mirror, first, second) == (False, before)
        assert served(mirror, first, first)[0]
        assert served(mirror, second, second)[0]


def told(counted, meanings) -> list[object]:
    """What was counted, with what its numbers mean: which number stands for what, and the order, are the database's own."""

    def outcomes(numbers, meant):
        return sorted((number % 3, meant[number // 3]) for number in numbers)

    kinds = [(outcomes(a, meanings.a), outcomes(b, meanings.b), *rest) for a, b, *rest in counted.kinds]
    rest = (counted.flips, counted.alone, counted.errors, counted.scores)
    ratios = {name: None if one is None else rounded(tuple(one)) for name, one in counted.ratios.items()}
    return [sorted(kinds, key=repr), counted.totals, ratios, *(sorted(rows, key=repr) for rows in rest)]


def test_labels_taken_together_are_counted_together(project):
    """Two labels as one side: all of their trials, and each case once; counted ahead or not."""
    run = measure(project, "one")
    with mirrored(project.root / "reports") as mirror:
        mirror.refresh()
        found = []
        for _ in range(2):
            with mirror.paired(run, run) as runs:
                old, new = runs.groups("a")
                (together, apart), meanings = runs.count([((old, new), (new,)), ((new,), (old,))])
                found.append([told(one, meanings) for one in (together, apart)])
            mirror.count_ahead(limit=1)
    assert found[0] == found[1]
    assert [trials for trials, _ in together.totals] == [48, 24]
    assert [trials for trials, _ in apart.totals] == [24, 24]
    assert sum(cases for *_, cases in together.kinds) == 24
    assert {len(before) for before, *_ in together.kinds} == {2}


def test_tags_and_clusters_are_those_of_the_run(project, monkeypatch):
    """The same case under another cluster in the second run: each run's own counts, as in its journals."""
    first = measure(project, "one", clusters=3)
    second = measure(project, "two", clusters=5)
    for pair in ((first, second), (second, first)):
        stored, read = both_ways(*pair, monkeypatch)
        assert stored == read


def test_a_database_that_lacks_a_run_is_brought_up_to_date(project, monkeypatch):
    """Deleted, the database is made again from the journals, and then it answers."""
    run = measure(project, "one")
    (project.root / "reports" / DATABASE_FILE).unlink()
    stored, read = both_ways(f"{run}:old", f"{run}:new", monkeypatch)
    assert stored == read
    assert (project.root / "reports" / DATABASE_FILE).exists()


def test_without_a_usable_database_the_journals_answer(project):
    """Something else lies where the database should be: the comparison is the same."""
    run = measure(project, "one")
    database = project.root / "reports" / DATABASE_FILE
    before = project.evalkit("compare", f"{run}:old", f"{run}:new", "--format", "json")
    database.unlink()
    database.symlink_to("/dev/null")
    after = project.evalkit("compare", f"{run}:old", f"{run}:new", "--format", "json")
    assert rounded(json.loads(after.out)) == rounded(json.loads(before.out))


def test_damage_is_told_by_the_journals(project):
    """A damaged record in the middle of a journal is an error that names it, although a new database holds the rest."""
    run = measure(project, "one")
    (project.root / "reports" / DATABASE_FILE).unlink()
    path = next(path for path in (project.root / "reports" / "journal" / run).glob("*.jsonl") if "end" not in path.name)
    lines = path.read_bytes().split(b"\n")
    lines[4] = lines[4][:20] + b"X" + lines[4][21:]
    path.write_bytes(b"\n".join(lines))
    with pytest.raises(StoreError, match="is damaged"):
        compare_named(load_config(find_root(Path.cwd())), f"{run}:old", f"{run}:new", wanted=Wanted())


def test_mistakes_name_what_there_is(project):
    """A variant that there is not, in either way of asking: the same error."""
    run = measure(project, "one")
    with pytest.raises(ConfigError, match="is neither a run nor a variant"):
        compare_named(load_config(find_root(Path.cwd())), f"{run}:olf", "new", wanted=Wanted())
