"""What a user may put on one side of a comparison, and what is then paired with what."""

from __future__ import annotations

import pytest
from fakes.eval_project import cases

import evalkit
from evalkit.config import load_config
from evalkit.errors import ConfigError
from evalkit.harness.comparing.sides import Chosen, History, compare_sides
from evalkit.model.results import Measurement

SUITE = f"""
suite: hello
variants: {{v1: {{prompt: hello:v1}}, v2: {{prompt: hello:v2}}}}
{cases("Ana", "Bob")}
checks: [contains: Hello]
"""


def side(run, *labels, variant=None, suite="s", complete=True):
    """One side with two cases per label; a label is ``variant`` or ``variant-cell``."""
    rows = [
        Measurement(
            suite=suite,
            case_id=case,
            suite_path=f"suites/{suite}.yaml",
            case_digest=case,
            label=label,
            variant=label.partition("-")[0],
            cell=label.partition("-")[2],
            model="m",
            repeat=0,
            status="pass",
        )
        for label in labels
        for case in ("a", "b")
    ]
    return Chosen(run, variant, tuple(rows), complete=complete)


def paired(a, b):
    return [(one.a.label, one.b.label) for one in compare_sides(a, b).comparisons]


def test_whole_runs_are_paired_by_variant_and_cell():
    """Namesakes with namesakes, in the order of the first side."""
    assert paired(side("1", "x-m1", "y-m1"), side("2", "y-m1", "x-m1")) == [("x-m1", "x-m1"), ("y-m1", "y-m1")]


def test_named_variants_are_paired_by_cell():
    """Two variants of one run, within equal models."""
    a, b = side("1", "x-m1", "x-m2", variant="x"), side("1", "y-m2", "y-m1", variant="y")
    assert paired(a, b) == [("x-m1", "y-m1"), ("x-m2", "y-m2")]


def test_a_run_beside_a_variant_is_narrowed_on_either_side():
    """The run stands for the variant of that name, or for its only one; with several others there is nothing to guess."""
    one, run = side("1", "x", variant="x"), side("2", "x", "y")
    assert paired(one, run) == [("x", "x")]
    assert paired(run, one) == [("x", "x")]
    assert paired(one, side("2", "z")) == [("x", "z")]
    with pytest.raises(ConfigError, match="run 2 has no variant 'x'"):
        compare_sides(one, side("2", "y", "z"))


def test_what_each_side_has_only_one_of_is_paired():
    """v1 then, v2 now; but two unknowns are not matched with one."""
    assert paired(side("1", "v1"), side("2", "v2")) == [("v1", "v2")]
    with pytest.raises(ConfigError, match="share no suite and variant"):
        compare_sides(side("1", "v1"), side("2", "v2", "v3"))
    with pytest.raises(ConfigError, match="share no suite and variant"):
        compare_sides(side("1", "v1"), side("2", "v1", suite="other"))


def test_what_is_left_out_is_noted():
    """Groups without a partner on both sides, and runs that did not end."""
    notes = compare_sides(side("1", "x", "y"), side("2", "x", "z", complete=False)).notes
    assert notes == (
        "only in run 1, not compared: s y",
        "run 2 is incomplete: only what it measured is compared",
        "only in run 2, not compared: s z",
    )
    assert compare_sides(side("1", "x"), side("2", "x")).notes == ()


def test_a_side_is_resolved_from_what_is_stored(project):
    """A whole id, a beginning, ``latest``, a variant, a label, and both together."""
    project.suite(SUITE)
    older, newer = (evalkit.run().report.run.run_id for _ in range(2))
    history = History(load_config(project.root))
    assert history.choose("latest").run_id == newer
    assert history.choose(older[:-1]).run_id == older
    assert history.choose("v2").run_id == newer
    assert history.choose("v2", default_run=older).run_id == older
    for text in (f"{older}:v2", f"{older}:v2-scripted/m"):
        chosen = history.choose(text)
        assert (chosen.run_id, {row.label for row in chosen.rows}) == (older, {"v2-scripted/m"})
    with pytest.raises(ConfigError, match="begins 2 run ids"):
        history.choose(older[:8])
    with pytest.raises(ConfigError, match="there is no run 'nope'"):
        history.choose("v1", default_run="nope")
