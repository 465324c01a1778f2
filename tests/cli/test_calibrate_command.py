"""``evalkit calibrate``: people's labels are journaled, put beside the judge's verdicts, and say what a judged rate is worth."""

from __future__ import annotations

import json

import pytest
from fakes.eval_project import cases
from fakes.llm_server import LLMServer

from evalkit.store.database.ingest import DATABASE_FILE, rebuild
from evalkit.store.database.query import run_sql

NAMES = [f"P{number}" for number in range(10)] + [f"F{number}" for number in range(10)]
ASK = "rubric: {ask: Is it kind?, model: judge/j, include_prompt: false}"


def suite(check=ASK, variants="prompt: hello:v1"):
    return f"suite: hello\n{variants}\n{cases(*NAMES)}\nchecks: [{check}]\n"


def configure(project, end="."):
    """Answers that say "Good" to P0 … P9 and "Bad" to F0 … F9, and a judge that passes what is good."""
    project.configure(
        answers={f"I am {name}.": f"{'Good' if name.startswith('P') else 'Bad'} {name}{end}" for name in NAMES}
    )
    page = (project.root / "pyproject.toml").read_text(encoding="utf-8")
    verdicts = {"Good": {"reason": "kind", "pass": True}, "Bad": {"reason": "curt", "pass": False}}
    table = "\n".join(f"{key} = {json.dumps(json.dumps(verdict))}" for key, verdict in verdicts.items())
    project.write(
        "pyproject.toml",
        f"{page}\n[tool.evalkit.providers.judge]\nkind = 'scripted'\n[tool.evalkit.providers.judge.answers]\n{table}\n",
    )


@pytest.fixture
def judged(project):
    """20 answers of one run, of which the judge passed half."""
    configure(project)
    project.suite(suite())
    ran = project.evalkit("run")
    assert "10/20" in ran.out, ran.out
    return project


def label(project, rows, *words, header="case,check,label"):
    project.write("labels.csv", "\n".join([header, *rows]) + "\n")
    return project.evalkit("calibrate", "labels.csv", *words)


ROWS = [
    *(f"p{number},rubric,{'pass' if number < 7 else 'fail'}" for number in range(8)),  # 7 agreed, 1 judged too well
    *(f"f{number},rubric,{'fail' if number < 6 else 'pass'}" for number in range(8)),  # 6 agreed, 2 judged too badly
]


def test_the_judge_is_put_beside_people(judged):
    """The four counts, kappa, sensitivity and specificity with intervals, J and what it does to a margin, the corrected rate."""
    ran = label(judged, ROWS, "--format", "json")
    assert ran.code == 0, ran.err
    (check,) = json.loads(ran.out)["checks"]
    assert [check[name] for name in ("both_pass", "person_pass_judge_fail", "person_fail_judge_pass", "both_fail")] == [
        7,
        2,
        1,
        6,
    ]
    assert check["agreement"] == pytest.approx(13 / 16)
    assert check["kappa"] == pytest.approx(0.625)
    assert check["sensitivity"]["rate"] == pytest.approx(7 / 9)
    assert check["specificity"]["rate"] == pytest.approx(6 / 7)
    j = 7 / 9 + 6 / 7 - 1
    assert check["youden_j"] == pytest.approx(j)
    (variant,) = check["variants"]
    assert (variant["judged_pass"], variant["judged"]) == (10, 20)
    assert variant["corrected"] == pytest.approx((0.5 + 6 / 7 - 1) / j)
    assert variant["corrected_interval"]["lower"] < variant["corrected"] < variant["corrected_interval"]["upper"]
    assert variant["rectified"] is not None
    text = judged.evalkit("calibrate").out
    assert "16 labelled answers" in text
    assert "a true difference of 5 pp shows as 3.2 pp" in text
    assert "3.2pp as its margin where you mean 5pp" in text
    assert "only 9 labels, 30 or more would tell" in text


def test_labels_are_in_the_journal_and_survive_a_rebuild(judged):
    """The database is derived: made again it holds the same labels; a second file adds to them."""
    assert label(judged, ROWS).code == 0
    assert label(judged, ["p8,rubric,pass"]).code == 0
    records = [record for record in judged.journal() if record["t"] == "labels"]
    assert sorted(len(record["labels"]) for record in records) == [1, 16]
    reports = judged.root / "reports"
    rebuild(reports / "journal", reports / DATABASE_FILE)
    query = "select person, verdict, count(*) from labelled_verdicts group by all order by all"
    assert run_sql(reports / DATABASE_FILE, query).rows == (
        ("fail", "fail", 6),
        ("fail", "pass", 1),
        ("pass", "fail", 2),
        ("pass", "pass", 8),
    )
    assert len(judged.evalkit("history").out.splitlines()) == 1


def test_the_newer_label_of_a_person_counts_and_divided_people_do_not(judged):
    """One changes her mind; another contradicts her: the answer is left out, and that is said."""
    header = "case,check,label,by"
    assert label(judged, ["p0,rubric,fail,ann", "p1,rubric,pass,ann"], header=header).code == 0
    assert label(judged, ["p0,rubric,pass,ann"], header=header).code == 0
    (check,) = json.loads(judged.evalkit("calibrate", "--format", "json").out)["checks"]
    assert (check["both_pass"], check["person_fail_judge_pass"]) == (2, 0)
    assert label(judged, ["p0,rubric,fail,bob"], header=header).code == 0
    ran = judged.evalkit("calibrate")
    assert "1 labelled answer of" in ran.out
    assert "1 that people are divided about" in ran.out


def test_labels_follow_the_answer_into_other_runs(judged):
    """A changed judge is compared with the labels that are there; an answer that changed has none any more."""
    assert label(judged, ROWS).code == 0
    judged.suite(suite(ASK.replace("Is it kind?", "Is it good?")))
    assert judged.evalkit("run").code == 1
    (check,) = json.loads(judged.evalkit("calibrate", "--format", "json").out)["checks"]
    assert check["both_pass"] == 7
    configure(judged, end="!")
    assert judged.evalkit("run").code == 1
    assert judged.evalkit("calibrate").code == 2


def test_another_answer_to_the_same_request_has_no_label(project, monkeypatch):
    """The model said something else this time: what people said of the first answer is not about the second."""
    monkeypatch.setenv("OPENAI_API_KEY", "sk-test-0123456789")
    said = ["Good morning", "Good evening", "Good evening"]
    with LLMServer(lambda asked: said[asked.number]) as server:
        project.live(server.url, mode="live")
        project.suite(f"suite: hello\nprompt: hello:v1\n{cases('Ana')}\nchecks: [contains: Good]\n")
        project.evalkit("run")
        assert label(project, ["ana,contains,pass"]).code == 0
        project.evalkit("run")
        assert project.evalkit("calibrate").code == 2
        assert label(project, ["ana,contains,fail"]).code == 0
        project.evalkit("run")
    ran = project.evalkit("calibrate", "--format", "json")
    (check,) = json.loads(ran.out)["checks"]
    assert (check["both_pass"], check["person_fail_judge_pass"]) == (0, 1)


def test_a_judge_no_better_than_chance_corrects_nothing(judged):
    """J below 0 is said in plain words."""
    rows = [f"p{n},rubric,fail" for n in range(4)] + [f"f{n},rubric,pass" for n in range(4)]
    ran = label(judged, rows)
    assert ran.code == 0
    assert "no better than chance" in ran.out
    assert "cannot be corrected" in ran.out


def test_one_kind_of_label_leaves_the_other_half_unknown(judged):
    """Only passing answers were labelled: nothing is known about what the judge lets through."""
    ran = label(judged, ["p0,rubric,pass", "p1,rubric,pass"])
    assert "specificity unknown: no answer that people say fails was labelled" in ran.out
    assert "kappa unknown" in ran.out
    assert "cannot be corrected" in ran.out


@pytest.mark.parametrize(
    ("header", "row", "complaint"),
    [
        ("case,check,label", "p0,rubric,maybe", "labels.csv:2: the label is 'maybe'"),
        ("case,check,label", "p99,rubric,pass", "the run has no case 'p99'"),
        ("case,check,label", "p0,rubrik,pass", "did you mean 'rubric'"),
        ("case,check", "p0,rubric", "the row has no label"),
        ("case,check,label,extra", "p0,rubric,pass,1", "unknown column 'extra'"),
        ("case,check,label,variant", "p0,rubric,pass,v9", "there is no answer of variant 'v9'"),
        ("case,check,label", "p0,rubric,pass\np0,rubric,fail", "labels.csv:3: the row says the opposite of another"),
        ("case,check,label", "p0,rubric,pass,more", "unknown column 'None'"),
    ],
)
def test_a_row_that_means_nothing_is_refused_and_nothing_is_stored(judged, header, row, complaint):
    """Every mistake has its line and what to do; the journal stays as it was."""
    ran = label(judged, [row], header=header)
    assert ran.code == 2
    assert complaint in ran.err.replace(str(judged.root) + "/", "")
    assert [record for record in judged.journal() if record["t"] == "labels"] == []


def test_a_row_must_say_which_of_several_answers_it_means(judged):
    """Two variants answered differently; the column variant tells them apart, equal answers are labelled together."""
    judged.write(
        "prompts/hello/v2.j2",
        "---\ninputs: {customer: string}\ndefaults: {model: scripted/m}\n---\nI am P1. I am {{ customer }}.",
    )
    judged.suite(suite(variants="variants: {a: {prompt: hello:v1}, b: {prompt: hello:v2}, c: {prompt: hello:v2}}"))
    judged.evalkit("run")
    ran = label(judged, ["f0,rubric,pass"])
    assert ran.code == 2
    assert "has 2 different answers" in ran.err
    header = "case,check,label,variant"
    assert "1 label stored" in label(judged, ["f0,rubric,pass,a"], header=header).out
    assert "2 labels stored" in label(judged, ["f0,rubric,pass,b", "f0,rubric,pass,c"], header=header).out
    assert "3 labels stored" in label(judged, ["p0,rubric,pass"]).out


def test_json_lines_and_parquet_say_the_same(judged):
    """The same rows in three formats."""
    judged.write(
        "a.jsonl",
        '{"case": "p0", "check": "rubric", "label": true}\n\n{"case": "f0", "check": "rubric", "label": "no"}\n',
    )
    assert "2 labels stored" in judged.evalkit("calibrate", "a.jsonl").out
    import duckdb

    duckdb.sql(
        "copy (select 'p0' as \"case\", 'rubric' as \"check\", true as label, 0 as repeat) to "
        f"'{judged.root}/a.parquet' (format parquet)"
    )
    assert "1 label stored" in judged.evalkit("calibrate", "a.parquet").out
    for name, text in (("b.jsonl", "[1]"), ("c.jsonl", "{"), ("d.txt", "x"), ("e.csv", "case,check,label\n")):
        judged.write(name, text)
        assert judged.evalkit("calibrate", name).code == 2


def test_without_any_label_it_says_how_to_begin(judged):
    """No labels, no numbers."""
    ran = judged.evalkit("calibrate")
    assert ran.code == 2
    assert "with the columns case, check, label" in ran.err
