"""A promptfoo configuration as an evalkit project: prompt versions, one suite, and the settings its models need."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from evalkit.errors import ConfigError
from evalkit.importers.names import slug
from evalkit.importers.notes import UnportableError
from evalkit.importers.promptfoo.assertions import Graders
from evalkit.importers.promptfoo.cases import Cases, read_cases
from evalkit.importers.promptfoo.config import read_config
from evalkit.importers.promptfoo.models import Model, read_models
from evalkit.importers.promptfoo.prompts import read_prompts
from evalkit.importers.promptfoo.settings import front_matter_of
from evalkit.importers.promptfoo.suite import suite_of, templates_of
from evalkit.importers.promptfoo.template import variables_of
from evalkit.importers.writing import Imported
from evalkit.suites.models import MODEL

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from evalkit.importers.promptfoo.config import Source
    from evalkit.importers.promptfoo.prompts import Prompt


@dataclass(frozen=True, slots=True)
class Wanted:
    """What the user says on top of the configuration: the suite's ``name``, a ``model`` for providers that evalkit does not speak to, a ``judge``."""

    name: str | None = None
    model: str | None = None
    judge: str | None = None


def import_promptfoo(path: Path, wanted: Wanted) -> Imported:
    """Read the configuration at ``path``. Raises ConfigError if nothing of it can be measured, or a model that is wanted is none."""
    for option, model in (("--model", wanted.model), ("--judge", wanted.judge)):
        if model is not None and not MODEL.match(model):
            raise ConfigError(
                f"{option} {model[:80]!r} is no model", hint="write provider/model, as in openai/gpt-5-mini"
            )
    source = read_config(path)
    prompts, models = read_prompts(source), read_models(source)
    if wanted.model is not None:
        models = [Model(wanted.model, "")]
    cases = read_cases(source, Graders(judge=wanted.judge))
    for what, found, hint in (
        ("prompt", prompts, "see what was left out, above"),
        ("provider", models, "name a model of evalkit: --model openai/gpt-5-mini"),
        ("test", cases.cases, "see what was left out, above"),
    ):
        if not found:
            lines = "\n".join(f"  {note}" for note in source.notes.all)
            raise ConfigError(f"{path.name} has no {what} that can be imported\n{lines}", hint=hint)
    name = slug(wanted.name or _name(source, path), otherwise="imported")
    cases = _complete(source, prompts, _judged(source, cases))
    templates = templates_of(source, prompts, cases, shared=front_matter_of(source, models))
    return Imported(
        prompts={f"{name}/v{number}.j2": text for number, text in enumerate(templates, 1)},
        suites={f"{name}.yaml": suite_of(source, prompts, models, cases, name=name)},
        notes=source.notes.all,
        providers=_providers(models),
        cases=len(cases.cases),
    )


def _name(source: Source, path: Path) -> str:
    node = source.get("description")
    return str(node.value) if node else path.resolve().parent.name


def _judged(source: Source, cases: Cases) -> Cases:
    """The cases without those that no check is left of: a case that nothing judges would be an error."""
    kept = []
    for case in cases.cases:
        if case.checks or cases.checks:
            kept.append(case)
        else:
            source.notes.left_out(case.where, f"the case {case.id}: nothing is left that judges it")
    if not kept:
        raise ConfigError(
            "no test has an assertion that can be imported", hint="\n".join(str(note) for note in source.notes.all)
        )
    return Cases(tuple(kept), cases.checks)


def _complete(source: Source, prompts: Sequence[Prompt], cases: Cases) -> Cases:
    """The cases with an empty text for every variable that a prompt or a check reads and they do not give: there, it printed nothing."""
    read = {name for prompt in prompts for name in prompt.variables} | set(_read_by(cases.checks))
    made = []
    for case in cases.cases:
        missing = sorted((read | set(_read_by(case.checks))) - case.vars.keys() - {"vars", "expect"})
        if missing:
            source.notes.changed(case.where, f"{', '.join(missing)}: not given, so an empty text")
        made.append(replace(case, vars={**case.vars, **dict.fromkeys(missing, "")}))
    return Cases(tuple(made), cases.checks)


def _read_by(value: object) -> Iterator[str]:
    """The variables that the expressions in some checks read."""
    if isinstance(value, str):
        # A schema or a pattern may hold braces, too: what is wrong is told when the suite is planned.
        with suppress(UnportableError):
            yield from variables_of(value)
    elif isinstance(value, dict):
        for one in value.values():
            yield from _read_by(one)
    elif isinstance(value, (list, tuple)):
        for one in value:
            yield from _read_by(one)


def _providers(models: Sequence[Model]) -> dict[str, dict[str, str]]:
    """The entries of ``[tool.evalkit.providers]`` that the models need."""
    found: dict[str, dict[str, str]] = {}
    for model in models:
        if model.server is not None:
            entry = {"kind": "openai", **model.server._asdict()}
            found[model.reference.partition("/")[0]] = {key: value for key, value in entry.items() if value}
    return found
