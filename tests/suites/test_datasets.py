"""Cases from files: what a column becomes, and a clear error for every damaged row."""

from __future__ import annotations

import os
from datetime import date
from decimal import Decimal
from pathlib import Path

import pytest

HEAD = "suite: s\nprompt: p\ncases:\n"


def suite(entry: str) -> str:
    return f"{HEAD}  - {entry}\n"


CSV = 'id,question,expect.answer,tags,cluster\nr1,"Where, when?",here,"smoke, slow",doc1\n,Why?,because,,\n'


def test_columns_have_their_place_by_default(project) -> None:
    """id, tags, cluster and expect.x are themselves; every other column is a variable, and CSV cells are text."""
    project.write("suites/data/q.csv", CSV)
    first, second = project.load(suite("file: data/q.csv")).cases
    assert (first.id, first.vars, first.expect) == ("r1", {"question": "Where, when?"}, {"answer": "here"})
    assert (first.tags, first.cluster, str(first.where)) == ({"smoke", "slow"}, "doc1", "suites/data/q.csv:2")
    assert second.id.startswith("c-")
    assert (second.tags, second.cluster, str(second.where)) == (frozenset(), None, "suites/data/q.csv:3")


def test_map_gives_columns_another_place(project) -> None:
    """`map:` names the columns for variables, expectations, id, tags and cluster; the rest is not used."""
    project.write("suites/q.csv", "n,text,gold,kind,doc,junk\n7,hi,yes,a,d,zz\n")
    entry = (
        "{file: q.csv, tags: [csv], map: {id: n, vars: {q: text}, expect: {answer: gold}, tags: kind, cluster: doc}}"
    )
    (case,) = project.load(suite(entry)).cases
    assert (case.id, case.vars, case.expect) == ("7", {"q": "hi"}, {"answer": "yes"})
    assert (case.tags, case.cluster) == ({"csv", "a"}, "d")


def test_map_with_a_list_keeps_the_names(project) -> None:
    """`vars: [a, b]` takes these columns under their own names."""
    project.write("suites/q.csv", "id,a,b,c\n1,x,y,z\n")
    (case,) = project.load(suite("{file: q.csv, map: {vars: [a, b]}}")).cases
    assert case.vars == {"a": "x", "b": "y"}


def test_what_is_expected_is_no_variable(project) -> None:
    """A column mapped to an expectation never reaches the prompt, also when `map:` names no variables."""
    project.write("suites/q.csv", "text,gold,n\nhi,yes,1\n")
    (case,) = project.load(suite("{file: q.csv, map: {id: n, expect: {answer: gold}}}")).cases
    assert (case.id, case.vars, case.expect) == ("1", {"text": "hi"}, {"answer": "yes"})


def test_map_beats_the_shape_of_a_case(project) -> None:
    """With `map:`, a column called `vars` is a column like any other."""
    project.write("suites/q.jsonl", '{"vars": {"x": 1}, "checks": "some data"}\n')
    (case,) = project.load(suite("{file: q.jsonl, map: {vars: {given: vars, noted: checks}}}")).cases
    assert case.vars == {"given": {"x": 1}, "noted": "some data"}


def test_every_kind_of_file_gives_the_same_cases(project) -> None:
    """CSV, JSON Lines, JSON, YAML and Parquet with the same content make cases with the same identity."""
    project.write("suites/q.csv", "question,expect.answer\nWhy?,so\n")
    project.write("suites/q.jsonl", '{"question": "Why?", "expect": {"answer": "so"}}\n\n')
    project.write("suites/q.json", '[\n\t{"question": "Why?", "expect": {"answer": "so"}}\n]\n')
    project.write("suites/q.yaml", "- question: Why?\n  expect.answer: so\n")
    project.write("suites/q.parquet", "PAR1")
    rows = [{"question": "Why?", "expect": {"answer": "so"}}]
    found = [
        project.load(suite(f"file: q.{kind}"), read_parquet=lambda _: rows).cases[0]
        for kind in ("csv", "jsonl", "json", "yaml", "parquet")
    ]
    assert len({(case.id, case.digest) for case in found}) == 1


def test_a_list_in_json_has_the_line_of_each_row(project) -> None:
    """As other programs write it: indented, escapes and all."""
    project.write("suites/q.json", '\ufeff[{"q": "a"},\r\n  {\n    "q": "\\ud83d\\ude00"\n  } ,\n\n {"q": 2.5}]\n')
    found = project.load(suite("file: q.json")).cases
    assert [(case.vars["q"], str(case.where)) for case in found] == [
        ("a", "suites/q.json:1"),
        ("😀", "suites/q.json:2"),
        (2.5, "suites/q.json:6"),
    ]


def test_values_of_json_lines_keep_their_type(project) -> None:
    """Only CSV is all text."""
    project.write("suites/q.jsonl", '{"id": 1, "n": 2.5, "flag": true, "list": [1, {"a": null}], "tags": ["x"]}\n')
    (case,) = project.load(suite("file: q.jsonl")).cases
    assert (case.id, case.tags) == ("1", {"x"})
    assert case.vars == {"n": 2.5, "flag": True, "list": [1, {"a": None}]}


def test_a_row_may_have_the_shape_of_a_case(project) -> None:
    """A row with a mapping `vars` is read exactly as an inline case, with its own checks."""
    project.write("suites/q.jsonl", '{"id": "a", "vars": {"q": 1}, "checks": [{"contains": "x"}, "json"]}\n')
    project.write("suites/q.yaml", "- id: b\n  vars: {q: 1}\n  checks:\n    - contains: x\n")
    first, second = project.load(f"{HEAD}  - file: q.jsonl\n  - file: q.yaml\n").cases
    assert (first.vars, [check.name for check in first.checks]) == ({"q": 1}, ["contains", "json"])
    assert str(second.checks[0].where) == "suites/q.yaml:4"


def test_flat_rows_may_have_checks(project) -> None:
    """A column `checks` with a list holds the row's own checks."""
    project.write("suites/q.jsonl", '{"id": "a", "q": 1, "checks": [{"not": {"contains": "x"}}]}\n')
    (case,) = project.load(suite("file: q.jsonl")).cases
    assert (case.vars, case.checks[0].children[0].params) == ({"q": 1}, "x")


def test_globs_are_read_in_order_and_from_the_suites_folder_first(project) -> None:
    """A pattern takes all its files sorted by name; what is not beside the suite is looked up from the project."""
    names = "hbgdafce"
    for name in names:
        project.write(f"suites/data/{name}.csv", f"id\n{name}\n")
    project.write("shared/z.csv", "id\nz\n")
    spec = project.load(f"{HEAD}  - file: data/*.csv\n  - file: shared/*.csv\n")
    assert [case.id for case in spec.cases] == [*sorted(names), "z"]


def test_parquet_values_become_json(project) -> None:
    """Dates become text and decimals numbers; a row's line is its number."""
    project.write("suites/q.parquet", "PAR1")
    rows = [{"id": 5, "day": date(2026, 11, 21), "price": Decimal("1.50"), "n": Decimal(3), "xs": [1, None]}]
    (case,) = project.load(suite("file: q.parquet"), read_parquet=lambda _: rows).cases
    assert case.vars == {"day": "2026-11-21", "price": 1.5, "n": 3, "xs": [1, None]}
    assert str(case.where) == "suites/q.parquet:1"


@pytest.mark.parametrize(
    ("name", "content", "words"),
    [
        ("q.csv", "", ["s.yaml:4", "no rows"]),
        ("q.csv", "a,b\n", ["s.yaml:4", "no rows"]),
        ("q.jsonl", "\n\n", ["s.yaml:4", "no rows"]),
        ("q.yaml", "[]\n", ["s.yaml:4", "no rows"]),
        ("q.yaml", "# nothing\n", ["q.yaml:1", "empty"]),
        ("q.yaml", "a: 1\n", ["q.yaml:1", "a mapping, not a list"]),
        ("q.yaml", "- a: 1\n- 3\n", ["q.yaml:2", "a number, not a mapping"]),
        ("q.csv", "a,b\n1,2\n3\n", ["q.csv:3", "1 cells, the header has 2", "quote"]),
        ("q.csv", 'a,b\n"1\n2",x\n1,2,3\n', ["q.csv:4", "3 cells"]),
        ("q.csv", "a,a\n1,2\n", ["q.csv:1", "'a'", "more than once"]),
        ("q.csv", "a,\n1,2\n", ["q.csv:1", "no name"]),
        ("q.csv", "a;b\n1;2\n", ["q.csv:1", "commas"]),
        ("q.csv", 'a,b\n1,2\n"3,4\n', ["q.csv:3", "not valid CSV", "quotes"]),
        ("q.csv", b"a\ncaf\xe9\n", ["q.csv:2", "not UTF-8"]),
        ("q.csv", "a\nx\0y\n", ["q.csv:2", "NUL"]),
        ("q.csv", "expect,b\n1,2\n", ["q.csv:2", "'expect' needs a name", "expect.answer"]),
        ("q.csv", "vars,b\n1,2\n", ["q.csv:2", "'vars'"]),
        ("q.csv", "checks,b\njson,2\n", ["q.csv:2", "checks is text, not a list"]),
        ("q.csv", "id,b\nx y,2\n", ["q.csv:2", "'x y'", "a blank"]),
        ("q.jsonl", '{"a": 1}\n{"a": 2', ["q.jsonl:2", "not valid JSON", "cut off"]),
        ("q.json", '[{"a": 1},\n{"a": 2', ["q.json:2", "not valid JSON"]),
        ("q.json", '[{"a": 1}\n{"a": 2}]', ["q.json:2", "Expecting ',' delimiter"]),
        ("q.json", '[{"a": 1},\n\n]', ["q.json:3", "not valid JSON"]),
        ("q.json", '[\n1]', ["q.json:2", "not an object"]),
        ("q.json", '[{"a": 1},\n{"a": NaN}]', ["q.json:2", "NaN"]),
        ("q.json", '[\n{"a": 1, "a": 2}]', ["q.json:2", "'a' is there twice"]),
        ("q.json", '{"a": 1}', ["q.json:1", "no list", ".jsonl"]),
        ("q.json", '[{"a": ' + "[" * 100_000, ["q.json:1"]),
        ("q.json", "[]", ["s.yaml:4", "no rows"]),
        ("q.jsonl", '{"a": 1}\n[1]\n', ["q.jsonl:2", "a list, not an object"]),
        ("q.jsonl", '{"a": NaN}\n', ["q.jsonl:1", "NaN"]),
        ("q.jsonl", '{"a": 1e999}\n', ["q.jsonl:1", "not a JSON number"]),
        ("q.jsonl", '{"a": 1, "a": 2}\n', ["q.jsonl:1", "'a' is there twice"]),
        ("q.jsonl", '{"a": "\\ud800"}\n', ["q.jsonl:1", "surrogate"]),
        ("q.jsonl", '{"a": ' + "[" * 60 + "]" * 60 + "}\n", ["q.jsonl:1", "nested"]),
        ("q.jsonl", '{"a": ' + "[" * 100_000 + "]" * 100_000 + "}\n", ["q.jsonl:1"]),
        ("q.jsonl", '{"a": ' + "9" * 5000 + "}\n", ["q.jsonl:1", "not valid JSON"]),
        ("q.jsonl", '{"vars": {"a": 1}, "x": 2}\n', ["q.jsonl:1", "unknown key 'x'"]),
        ("q.parquet", "PAR1", ["q.parquet:1", "Parquet cannot be read here"]),
        ("q.txt", "a\n", ["s.yaml:4", "ends in one of .csv"]),
    ],
)  # fmt: skip
def test_a_damaged_dataset_is_named_with_its_line(project, name: str, content: str | bytes, words: list[str]) -> None:
    """Every fault of a data file is one complaint that names the file and the row."""
    project.write(f"suites/{name}", content)
    message = project.complaint(suite(f"file: {name}"))
    assert len(message) < 600
    for word in words:
        assert word in message


@pytest.mark.parametrize(
    ("entry", "words"),
    [
        ("file: nope.csv", ["s.yaml:4", "'nope.csv'", "looked in suites"]),
        ("file: data/*.csv", ["s.yaml:4", "no file matches"]),
        ("file: '[.csv'", ["s.yaml:4", "no file matches"]),
        ("file: '**x/**'", ["s.yaml:4"]),
        ("file: /etc/passwd", ["s.yaml:4", "path"]),
        ("file: /proc/self/*", ["s.yaml:4", "path"]),
        ("file: ../q.csv", ["s.yaml:4", "path"]),
        ("file: ../*.csv", ["s.yaml:4", "path"]),
        ("file: " + "x" * 5000 + ".csv", ["s.yaml:4", "path"]),
        ("file: folder", ["s.yaml:4", "directory", "folder/*.csv"]),
        ("file: pipe.csv", ["s.yaml:4", "regular file"]),
        ("file: out.csv", ["s.yaml:4", "link"]),
        ("file: loop.csv", ["s.yaml:4", "path"]),
        ("file: [a]", ["s.yaml:4", "a list, not text"]),
        ("file: ''", ["s.yaml:4", "file is empty"]),
        ("{file: q.csv, limit: 3}", ["s.yaml:4", "'limit'", "valid: file, map, tags"]),
        ("{file: q.csv, map: {var: [a]}}", ["s.yaml:4", "'var'", "did you mean 'vars'"]),
        ("{file: q.csv, map: {vars: [aa]}}", ["q.csv:2", "'aa'", "did you mean 'a'"]),
        ("{file: q.csv, map: {vars: a}}", ["s.yaml:4", "map.vars is text, not a mapping"]),
    ],
)
def test_a_wrong_dataset_entry_is_named_with_its_line(project, entry: str, words: list[str]) -> None:
    """Paths stay inside the project; a missing, special or escaping file is refused at the line that names it."""
    project.write("suites/q.csv", "a,b\n1,2\n3,4\n")
    folder = project.root / "suites"
    (folder / "folder").mkdir()
    os.mkfifo(folder / "pipe.csv")
    (folder / "out.csv").symlink_to("/etc/passwd")
    (folder / "loop.csv").symlink_to("loop.csv")
    message = project.complaint(suite(entry))
    assert "Traceback" not in message
    for word in words:
        assert word in message


@pytest.mark.parametrize("value", [b"bytes", {1, 2}, Decimal("NaN"), float("inf"), Path()])
def test_a_parquet_value_without_place_in_json_is_named(project, value: object) -> None:
    """Bytes and the like are refused with the row's number."""
    project.write("suites/q.parquet", "PAR1")
    message = project.complaint(suite("file: q.parquet"), read_parquet=lambda _: [{"a": 1}, {"a": value}])
    assert "q.parquet:2" in message
    assert "row 2" in message


def test_ids_are_unique_over_all_files(project) -> None:
    """The second of two cases with one id is named, and where the first one is."""
    project.write("suites/q.csv", "id\na\n")
    message = project.complaint(HEAD + "  - {id: a, vars: {}}\n  - file: q.csv\n")
    assert "q.csv:2" in message
    assert "suites/s.yaml:4" in message
