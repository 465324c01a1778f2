"""The API is what its description says: schemathesis looks for the difference."""

from __future__ import annotations

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis.strategies import booleans

schemathesis = pytest.importorskip("schemathesis", reason="schemathesis is not installed")


def test_the_description_names_everything(served):
    """Every path and method that a program may use, and no page."""
    paths = served.get("/openapi.json")["paths"]
    assert {f"{method} {path}" for path, methods in paths.items() for method in methods} == {
        "get /healthz", "get /readyz", "get /api/runs", "get /api/runs/{run_id}", "get /api/runs/{run_id}/trials",
        "get /api/runs/{run_id}/trial", "get /api/compare", "get /api/history", "get /api/live", "get /api/runs/{run_id}/events",
        "get /api/runs/{run_id}/answers", "get /api/runs/{run_id}/pairs", "get /api/runs/{run_id}/variant-pairs", "post /api/runs/{run_id}/labels",
        "post /api/runs/{run_id}/preferences",
    }  # fmt: skip


def probe(operation, mode, run_id, headers):
    """Ask one operation what its description allows, or what it forbids; where it is allowed, half of the times about a real run."""
    allowed = mode is schemathesis.GenerationMode.POSITIVE

    @given(case=operation.as_strategy(generation_mode=mode), known=booleans())
    @settings(
        max_examples=6, derandomize=True, deadline=None, database=None, phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )  # fmt: skip
    def story(case, known):
        if known and allowed and "run_id" in (case.path_parameters or {}):
            case.path_parameters["run_id"] = run_id
        case.call_and_validate(headers=headers)

    story()


def test_schemathesis_finds_no_fault(served):
    """Every operation, with valid and invalid input and all its checks: no crash, no undocumented status, type or shape, no open door."""
    headers = {"Authorization": f"Bearer {served.token}"}
    schema = schemathesis.openapi.from_url(f"http://127.0.0.1:{served.port}/openapi.json", headers=headers)
    run_id = served.get("/api/runs")[0]["run_id"]
    for result in schema.get_all_operations():
        operation = result.ok()
        probe(operation, schemathesis.GenerationMode.POSITIVE, run_id, headers)
        if list(operation.iter_parameters()) or operation.body:
            probe(operation, schemathesis.GenerationMode.NEGATIVE, run_id, headers)


def test_pages_of_the_api_lead_from_one_to_the_next(served):
    """With ``before`` and ``after`` every run and every trial comes once, in order."""
    newest = served.get("/api/runs", limit=1)
    older = served.get("/api/runs", limit=1, before=newest[0]["run_id"])
    assert [run["run_id"] for run in newest + older] == [run["run_id"] for run in served.get("/api/runs")]
    run_id = newest[0]["run_id"]
    seen, page = [], served.get(f"/api/runs/{run_id}/trials", limit=4)
    while page:
        seen += page
        page = served.get(
            f"/api/runs/{run_id}/trials", limit=4, after=page[-1]["test_id"], after_repeat=page[-1]["repeat"]
        )
    assert seen == served.get(f"/api/runs/{run_id}/trials")
    assert len({(trial["test_id"], trial["repeat"]) for trial in seen}) == 6
