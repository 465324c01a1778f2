"""One question outside a suite: what the pytest fixture ``evalkit`` asks for tests that are written in Python."""

from __future__ import annotations

from typing import TYPE_CHECKING

from evalkit.canon import digest
from evalkit.errors import ConfigError, Where
from evalkit.model.calls import Request
from evalkit.model.cases import Case, PlannedTest, Trial, Variant
from evalkit.providers.base import parameter_problem

if TYPE_CHECKING:
    from collections.abc import Mapping

    from evalkit.harness.before.planning import Planner
    from evalkit.model.calls import JSON
    from evalkit.prompts.version import PromptVersion


def question(
    planner: Planner,
    *,
    prompt: str,
    model: str | None,
    vars: Mapping[str, JSON],  # noqa: A002 - the word that suites use
    params: Mapping[str, JSON],
    test: str,
    path: str,
    line: int | None,
) -> tuple[PlannedTest, PromptVersion]:
    """Build the one trial of a Python test: prompt reference, variables and model, rendered. Raises PromptError or ConfigError."""
    version = planner.prompts.get(prompt)
    defaults = dict(version.defaults)
    chosen = model or defaults.pop("model", None)
    defaults.pop("model", None)
    if not isinstance(chosen, str):
        raise ConfigError(f"no model for {version.ref}", hint="pass model=…, or set defaults: {model: …} in the prompt")
    merged = {**defaults, **params}
    for name, value in merged.items():
        problem = parameter_problem(name, value)
        if problem is not None:
            raise ConfigError(problem)
    request = Request(
        model=chosen,
        messages=planner.prompts.render(version, vars),
        params=merged,
        tools=version.tools,
        output_schema=version.output_schema,
        endpoint=planner.endpoint(chosen),
    )
    planner.require(request)
    where = Where(path, line)
    case = Case(id=test, vars=dict(vars), where=where, digest=digest([test, dict(vars)]))
    variant = Variant(
        version.version, f"{version.version}-{chosen}", chosen, version.ref, version.digest, chosen, merged
    )
    trial = Trial(suite=path, suite_path=path, case=case, variant=variant, repeat=0, request=request)
    return PlannedTest((trial,), (), 1), version
