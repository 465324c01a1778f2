"""Baseline files come back exactly, and a file that is not exactly one is refused with the reason."""

from __future__ import annotations

import json

import duckdb
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from evalkit.errors import StoreError
from evalkit.model.results import Measurement, RunInfo
from evalkit.store.baselines import read_baseline, saved_baseline, write_baseline

RUN = RunInfo("20261121T000000-aa", "2026-11-21T00:00:00+00:00", "live", "0.1.0", "3.11", git_revision="a" * 40)
NAMES = st.text(st.characters(exclude_categories=("Cs",)), max_size=12)
AMOUNTS = st.none() | st.floats(0, 1e9)
ROWS = st.builds(
    Measurement,
    suite=st.just("s"),
    suite_path=st.just("suites/s.yaml"),
    case_id=NAMES,
    case_digest=NAMES,
    variant=NAMES,
    cell=NAMES,
    label=st.sampled_from(["a", "b"]),
    model=NAMES,
    repeat=st.integers(0, 9),
    status=st.sampled_from(["pass", "fail", "error", "skip"]),
    checks=st.lists(st.tuples(NAMES, st.just("judge"), st.just("fail"), st.just("warn")), max_size=2).map(tuple),
    tags=st.frozensets(NAMES, max_size=2),
    cluster=st.none() | NAMES,
    cost_usd=AMOUNTS,
    latency_s=AMOUNTS,
    input_tokens=st.none() | st.integers(0, 10**9),
    output_tokens=st.none() | st.integers(0, 10**9),
    fresh=st.booleans(),
    served=st.none() | NAMES,
    scores=st.lists(st.tuples(NAMES, st.floats(0, 1)), max_size=2).map(tuple),
)


def key(row):
    return row.label, row.case_id, row.case_digest, row.repeat


@pytest.mark.parametrize("name", ["s.json", "s.parquet"])
@settings(max_examples=40, deadline=None)
@given(rows=st.lists(ROWS, min_size=1, max_size=5, unique_by=key))
def test_what_is_written_is_read_again(tmp_path_factory, name, rows):
    """Every field, whatever the names hold, sorted, in either format; the variant's own fields are those of its first row."""
    path = tmp_path_factory.mktemp("b") / name
    saved = saved_baseline(RUN, rows)
    write_baseline(path, saved)
    read = read_baseline(path)
    assert read == saved
    found = {key(row): row for row in read.measurements()}
    assert [*found] == sorted(map(key, rows))
    for row in rows:
        got = found[key(row)]
        assert (got.status, got.checks, got.tags, got.cost_usd) == (row.status, row.checks, row.tags, row.cost_usd)
        assert got.scores == row.scores


def good():
    row = Measurement("s", "suites/s.yaml", "c", "d", "v", "", "v", "m", 0, "pass", cost_usd=0.1)
    return saved_baseline(RUN, [row])


@pytest.fixture
def broken(tmp_path):
    """A function that writes a good baseline, changed, and returns the complaint about it."""

    def complaint(change):
        path = tmp_path / "s.json"
        write_baseline(path, good())
        text = path.read_text(encoding="utf-8")
        changed = change(text) if callable(change) else text.replace(*change)
        assert changed != text
        path.write_text(changed, encoding="utf-8")
        with pytest.raises(StoreError) as caught:
            read_baseline(path)
        assert str(path) in str(caught.value)
        return str(caught.value)

    return complaint


@pytest.mark.parametrize(
    ("change", "complaint"),
    [
        (("baseline/1", "baseline/2"), "not a baseline of format evalkit.baseline/1: 'evalkit.baseline/2'"),
        (('"cost_usd": 0.1', '"cost_usd": -1'), "no number of 0 or more"),
        (('"cost_usd": 0.1', '"cost_usd": 1e999'), "no number of 0 or more"),
        (('"cost_usd": 0.1', '"cost_usd": NaN'), "NaN is no JSON"),
        (('"cost_usd": 0.1', '"cost_usd": "0.1"'), "variants.0.trials.0.cost_usd"),
        (('"repeat": 0', '"repeat": true'), "variants.0.trials.0.repeat"),
        (('"status": "pass"', '"status": "passed"'), "variants.0.trials.0.status"),
        (('"status": "pass"', '"status": "fail", "status": "pass"'), "a key is there twice"),
        (('"suite":', '"answer": "x", "suite":'), "answer"),
        (('"run_id":', '"run":'), "run"),
        (lambda text: text[:-20], "not a baseline"),
        (lambda _: "[" * 100_000, "not a baseline"),
        (lambda _: "[]", "not a baseline of format"),
        (lambda text: text[: text.index('"variants"')] + '"variants": []}', "holds no trial"),
        (
            lambda text: text.replace('"cost_usd": 0.1}', '"cost_usd": 0.1},' + text.splitlines()[11]),
            "a trial of case 'c' is there twice",
        ),
    ],
)
def test_anything_else_is_refused(broken, change, complaint):
    """A newer format, wrong types, numbers that are none, unknown, missing and double keys, doubled trials, torn and nested files."""
    assert complaint in broken(change)


def test_a_file_that_cannot_be_written_says_so(tmp_path):
    """A folder in the place of the file; nothing is left beside it."""
    (tmp_path / "s.json").mkdir()
    with pytest.raises(StoreError, match="cannot write the baseline"):
        write_baseline(tmp_path / "s.json", good())
    assert [path.name for path in tmp_path.iterdir()] == ["s.json"]


def test_every_trial_is_one_line(tmp_path):
    """So that a diff shows which cases changed."""
    write_baseline(tmp_path / "s.json", good())
    lines = (tmp_path / "s.json").read_text(encoding="utf-8").splitlines()
    trials = [json.loads(line) for line in lines if line.startswith('{"case_id"')]
    assert [trial["case_id"] for trial in trials] == ["c"]


def parquet(path, sql):
    """Write a Parquet file as any other program would; ``good`` is a sound baseline's table."""
    write_baseline(path.with_name("good.parquet"), good())
    with duckdb.connect() as connection:
        connection.execute(f"create view good as from read_parquet('{path.with_name('good.parquet')}')")
        connection.execute(f"copy ({sql}) to '{path}' (format parquet)")


@pytest.mark.parametrize(
    ("sql", "complaint"),
    [
        ("select 1 as one", "has no column: 'case_digest'"),
        ("select *, 'x' as answer from good", "it has a column too many: 'answer'"),
        ("select * exclude (fresh) from good", "it has no column: 'fresh'"),
        ("from good limit 0", "holds no trial"),
        ("from good union all from good", "a trial of case 'c' is there twice"),
        (
            "from good union all select * replace ('other' as suite, 'x' as case_id) from good",
            "of several runs or suites",
        ),
        ("select * replace ('evalkit.baseline/2' as format) from good", "not a baseline of format evalkit.baseline/1"),
        ("select * replace ('passed' as status) from good", "variants.0.trials.0.status"),
        ("select * replace (-1.0 as cost_usd) from good", "no number of 0 or more"),
        (
            "select * replace ([{'check': 'rubric', 'score': 1.5}] as scores) from good",
            "no score from 0 to 1 ('rubric')",
        ),
        ("select * replace ('0.1' as cost_usd) from good", "variants.0.trials.0.cost_usd"),
        ("select * replace (['a'] as checks) from good", "variants.0.trials.0.checks"),
        ("select * replace (null as label) from good", "variants.0.label"),
    ],
)
def test_a_parquet_file_of_another_shape_is_refused(tmp_path, sql, complaint):
    """Columns too few or too many, other types, other words, two baselines in one: one error that names the file."""
    path = tmp_path / "s.parquet"
    parquet(path, sql)
    with pytest.raises(StoreError) as caught:
        read_baseline(path)
    assert complaint in str(caught.value)
    assert str(path) in str(caught.value)


def test_a_parquet_file_from_before_scores_is_read(tmp_path):
    """A baseline that was committed by an earlier version has no scores; the rest of it is what it was."""
    path = tmp_path / "s.parquet"
    parquet(path, "select * exclude (scores) from good")
    assert read_baseline(path) == good()


@pytest.mark.parametrize(
    "damage", [lambda raw: raw[:-30], lambda raw: b"{}", lambda raw: b"", lambda raw: raw[:4] + b"X" * 99 + raw[103:]]
)
def test_a_damaged_parquet_file_is_refused(tmp_path, damage):
    """Torn, empty, no Parquet at all, or overwritten in the middle: one error, no crash."""
    path = tmp_path / "s.parquet"
    write_baseline(path, good())
    path.write_bytes(damage(path.read_bytes()))
    with pytest.raises(StoreError) as caught:
        read_baseline(path)
    assert str(path) in str(caught.value)
