"""The IFEval benchmark on rows of our own: every instruction kind becomes a check that judges, and the score adds up."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]

KINDS = [
    ("change_case:capital_word_frequency", {"capital_relation": "at least", "capital_frequency": 2}, "I like NASA", "nasa"),
    ("change_case:english_capital", {}, "THIS IS A LONG ENGLISH SENTENCE ABOUT NOTHING.", "This is English."),
    ("change_case:english_lowercase", {}, "this is a long english sentence about nothing.", "This is English."),
    ("combination:repeat_prompt", {"prompt_to_repeat": "Say hi."}, "say hi. Hi!", "Hi!"),
    ("combination:two_responses", {}, "one\n******\ntwo", "one\n******\none"),
    ("detectable_content:number_placeholders", {"num_placeholders": 2}, "[a] and [b]", "[a]"),
    ("detectable_content:postscript", {"postscript_marker": "P.P.S"}, "Bye.\nP. P. S. More", "P.S. More"),
    ("detectable_format:constrained_response", {}, "My answer is maybe.", "Maybe."),
    ("detectable_format:json_format", {}, "```json\n[1]\n```", "[1"),
    ("detectable_format:multiple_sections", {"section_spliter": "Section", "num_sections": 2}, "Section 1\nSection 2", "Section 1"),
    ("detectable_format:number_bullet_lists", {"num_bullets": 2}, "* a\n- b", "* a"),
    ("detectable_format:number_highlighted_sections", {"num_highlights": 2}, "*a* and **b**", "*a*"),
    ("detectable_format:title", {}, "<<A title>>", "<<  >>"),
    ("keywords:existence", {"keywords": ["Mom", "dad"]}, "mom and DAD", "mom"),
    ("keywords:forbidden_words", {"forbidden_words": ["rock"]}, "rocket", "Rock!"),
    ("keywords:frequency", {"keyword": "a", "relation": "less than", "frequency": 2}, "A", "aA"),
    ("keywords:letter_frequency", {"letter": "q", "let_relation": "at least", "let_frequency": 2}, "Qq", "q"),
    ("language:response_language", {"language": "de"}, "Das ist ein langer deutscher Satz.", "This is English text."),
    (
        "length_constraints:nth_paragraph_first_word",
        {"first_word": "second", "num_paragraphs": 2, "nth_paragraph": 2},
        "First.\n\n'Second, then.",
        "First.\n\nSeconds.",
    ),
    ("length_constraints:number_paragraphs", {"num_paragraphs": 2}, "a\n***\nb", "a\n***\nb\n***\nc"),
    ("length_constraints:number_sentences", {"relation": "less than", "num_sentences": 3}, "A b. C d.", "A b. C d. E f."),
    ("length_constraints:number_words", {"relation": "at least", "num_words": 3}, "well-known fact", "a fact"),
    ("punctuation:no_comma", {}, "a; b", "a, b"),
    ("startend:end_checker", {"end_phrase": "The End."}, '"And so. the end."', "The End. Or not"),
    ("startend:quotation", {}, ' "quoted" ', '"'),
]  # fmt: skip


@pytest.fixture(scope="module")
def ifeval():
    """The benchmark's modules, which lie beside the package and not in it."""
    sys.path.insert(0, str(ROOT))
    try:
        from benchmarks.ifeval import convert, project, score
    finally:
        sys.path.remove(str(ROOT))
    return {"convert": convert, "project": project, "score": score}


@pytest.mark.parametrize(("kind", "kwargs", "follows", "breaks"), KINDS, ids=lambda value: str(value)[:40])
def test_every_instruction_kind_is_said_with_general_checks(kind, kwargs, follows, breaks, ifeval, tmp_path):
    """One answer that follows the instruction and one that breaks it get the right verdicts."""
    from evalkit.checks.base import BuildContext, CheckContext
    from evalkit.checks.build import build_check
    from evalkit.model.calls import Request, Response
    from evalkit.suites.loader import load_suite

    rows = [{"key": 1, "prompt": "Do it.", "instructions": [{"id": kind, "kwargs": kwargs}], "response": follows}]
    suite = tmp_path / "suites" / "ifeval.yaml"
    suite.parent.mkdir()
    suite.write_text(ifeval["project"].suite_yaml(rows), encoding="utf-8")
    (case,) = load_suite(suite, root=tmp_path).cases
    (spec,) = case.checks
    check = build_check(spec, BuildContext(None, None, None))
    statuses = [
        check.judge(CheckContext(answer, Response(answer), Request("m/x", ())), ()).status
        for answer in (follows, breaks)
    ]
    assert statuses == ["pass", "fail"]


def test_all_25_kinds_are_covered(ifeval):
    """No kind without an example here, none without a conversion."""
    assert {kind for kind, *_ in KINDS} == set(ifeval["convert"].CONVERSIONS)
    assert len(KINDS) == 25


def test_the_score_counts_prompts_instructions_and_disagreements(ifeval):
    """A prompt counts when all its instructions are followed; a row without reference verdicts does not count."""
    score = ifeval["score"]
    rows = [
        {"key": 1, "instructions": [{"id": "a"}, {"id": "b"}], "strict": [True, True]},
        {"key": 2, "instructions": [{"id": "a"}], "strict": [True]},
        {"key": 3, "instructions": [{"id": "a"}], "strict": None},
    ]
    good, bad = score.Judged("pass", "fine"), score.Judged("fail", "not fine")
    found = score.score(rows, {1: [good, bad], 2: [good], 3: [bad]})
    assert str(found) == "prompt_strict=1/2 instruction_strict=2/3 disagreements=1"
    assert str(found.disagreements[0]).startswith("1 b: fail, reference pass (not explained)")


def test_the_benchmark_runs_through_the_plugin_by_replay(tmp_path):
    """From rows to the last line: project, pytest, store and back, with one disagreement that nobody explained."""
    rows = [
        {
            "key": number,
            "prompt": f"Write number {number}.\n",
            "instructions": [{"id": "punctuation:no_comma", "kwargs": {}}, {"id": "startend:quotation", "kwargs": {}}],
            "response": answer,
            "strict": verdicts,
        }
        for number, answer, verdicts in (
            (1, '"one"', [True, True]),
            (2, "two, three", [False, False]),
            (3, '"x"', [True, False]),
        )
    ]
    data = tmp_path / "rows.jsonl"
    data.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    command = [sys.executable, "-m", "benchmarks.ifeval", "--data", str(data)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, encoding="utf-8", check=False)
    assert done.stdout.splitlines()[-1] == "prompt_strict=2/3 instruction_strict=4/6 disagreements=1", done.stderr
    assert done.returncode == 1


def test_without_the_data_the_benchmark_says_what_it_needs(tmp_path):
    """A missing file is one clear message and exit code 2."""
    command = [sys.executable, "-m", "benchmarks.ifeval", "--data", str(tmp_path / "none.jsonl")]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, encoding="utf-8", check=False)
    assert done.returncode == 2
    assert "needs the IFEval answers" in done.stderr
    assert "Traceback" not in done.stderr
