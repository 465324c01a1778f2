"""The report as JSON: complete, exact, valid everywhere."""

from __future__ import annotations

import json
from dataclasses import replace

from evalkit.report.json_export import SCHEMA, plain, report_json


def test_it_is_strict_json_and_comes_back_the_same(report):
    """No NaN, no tuples, no dataclasses; hostile strings survive exactly."""
    data = report_json(report)
    assert json.loads(json.dumps(data, allow_nan=False)) == data
    assert data["schema"] == SCHEMA == "evalkit.report/1"
    assert data["outcome"] == "failed"
    assert len(data["results"]) == len(report.results)


def test_every_trial_has_its_answer_and_verdicts(report):
    """A result can be judged from the file alone."""
    for row, result in zip(report_json(report)["results"], report.results, strict=True):
        assert row["test_id"] == result.trial.test_id
        assert row["status"] == result.status
        assert [v["reason"] for v in row["verdicts"]] == [v.reason for v in result.verdicts]
        assert (row["call"]["response"] is None) == (row["call"]["failure"] is not None)


def test_numbers_that_are_not_finite_are_unknown(report):
    """A score of NaN is None in JSON, not an invalid file."""
    bad = replace(report.results[0], call=replace(report.results[0].call, cost_usd=float("nan")))
    assert report_json(replace(report, results=(bad,)))["results"][0]["call"]["cost_usd"] is None
    assert plain([float("inf"), 1.5, {"b", "a"}]) == [None, 1.5, ["a", "b"]]
