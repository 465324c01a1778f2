"""Checks as a suite writes them, built and judged on a text."""

from __future__ import annotations

import importlib
import json
from collections.abc import Callable, Mapping
from typing import Any

import pytest

from evalkit.checks.base import BuildContext, CheckContext
from evalkit.checks.build import BuiltCheck, build_check
from evalkit.errors import SuiteError, Where
from evalkit.model.calls import Request, Response, ToolCall, Usage
from evalkit.model.cases import CheckSpec
from evalkit.model.results import Verdict

Build = Callable[..., BuiltCheck]
Judge = Callable[..., Verdict]

COMBINATORS = {"not", "any_of", "all_of"}


def spec_of(item: Any, line: int = 1) -> CheckSpec:
    """A check as it stands in a suite (`"json"`, `{"contains": "x"}`, `{"not": {…}}`), as a specification."""
    if isinstance(item, str):
        return CheckSpec(item, None, Where("suites/demo.yaml", line))
    aside = {key: item[key] for key in ("select", "severity") if key in item}
    ((name, params),) = ((key, value) for key, value in item.items() if key not in aside)
    where = Where("suites/demo.yaml", line)
    if name in COMBINATORS:
        children = [params] if name == "not" else params
        return CheckSpec(name, None, where, children=tuple(spec_of(child) for child in children), **aside)
    if isinstance(params, Mapping) and "select" in params:
        params = dict(params)
        aside["select"] = params.pop("select")
    return CheckSpec(name, params, where, **aside)


def response_of(answer: Any) -> Response:
    """A text, or a mapping of the fields of a response, as a response."""
    if isinstance(answer, str):
        return Response(answer)
    fields = {"text": "", **answer}
    fields["tool_calls"] = tuple(ToolCall(**call) for call in fields.get("tool_calls", ()))
    fields["usage"] = Usage(**fields.get("usage", {}))
    return Response(**fields)


def _load_python(dotted: str) -> Any:
    module, _, name = dotted.rpartition(".")
    return getattr(importlib.import_module(module), name)


@pytest.fixture
def build(tmp_path) -> Build:
    """Build a check as a suite writes it; files are looked up in the test's folder."""

    def read_json(path: str) -> Any:
        if not (tmp_path / path).is_file():
            raise SuiteError(f"there is no file {path}")
        return json.loads((tmp_path / path).read_text(encoding="utf-8"))

    context = BuildContext(
        read_json=read_json,
        load_python=_load_python,
        endpoint=lambda model: f"scripted {model}",
    )

    def built(item: Any, *, line: int = 1) -> BuiltCheck:
        return build_check(spec_of(item, line), context)

    return built


@pytest.fixture
def judge(build: Build) -> Judge:
    """Judge an answer (a text or the fields of a response) with a check as a suite writes it."""

    def judged(item: Any, answer: Any, **context: Any) -> Verdict:
        response = response_of(answer)
        ctx = CheckContext(text=response.text, response=response, request=Request("demo/model", ()), **context)
        check = build(item)
        assert not check.followups(ctx), "a check that asks needs replies"
        return check.judge(ctx, ())

    return judged


@pytest.fixture
def own_checks(monkeypatch):
    """Checks that a test registers are gone after it."""
    from evalkit.checks.catalog import CHECKS

    monkeypatch.setattr(CHECKS, "_things", dict(CHECKS._things))
    return CHECKS
