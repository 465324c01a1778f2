"""Prompts, models and cases written down: templates with front matter, and the suite that compares them."""

from __future__ import annotations

import re
from bisect import bisect_right
from typing import TYPE_CHECKING

from evalkit.importers.names import slug, unique
from evalkit.importers.promptfoo.config import entries
from evalkit.importers.promptfoo.template import printed_as_json
from evalkit.importers.writing import comments, dumped, listed

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from evalkit.importers.promptfoo.cases import Cases
    from evalkit.importers.promptfoo.config import Source
    from evalkit.importers.promptfoo.models import Model
    from evalkit.importers.promptfoo.prompts import Prompt
    from evalkit.model.calls import JSON

_LONE = re.compile(r"\{\{\s*(\w+)\s*\}\}\Z")


def templates_of(
    source: Source, prompts: Sequence[Prompt], cases: Cases, *, shared: Mapping[str, JSON]
) -> Iterator[str]:
    """The templates with their front matter, ``shared`` in each."""
    structured = {
        name
        for case in cases.cases
        for name, value in case.vars.items()
        if not isinstance(value, (str, int, float)) or isinstance(value, bool)
    }
    for number, prompt in enumerate(prompts, 1):
        template = printed_as_json(prompt.template, structured)
        if template != prompt.template:
            source.notes.changed(
                source.where(source.root), f"prompt {number}: lists, mappings, true and false are printed as JSON"
            )
        about = prompt.label or f"Imported from {source.name}"
        yield f"---\n{dumped({'description': ' '.join(about.split())[:200], **shared})}---\n{template}\n"


def suite_of(source: Source, prompts: Sequence[Prompt], models: Sequence[Model], cases: Cases, *, name: str) -> str:
    """The suite as YAML: what was left out stands as a comment before the case that it was left out of."""
    head: dict[str, JSON] = {"suite": name}
    node = source.get("description")
    if node is not None:
        head["description"] = " ".join(str(node.value).split())[:500]
    head |= _compared(name, prompts, models)
    repeat = entries(source.get("evaluateOptions")).get("repeat")
    if repeat is not None and isinstance(repeat.value, int) and repeat.value > 1:
        head["repeats"] = repeat.value
    numbers = {key for case in cases.cases for key, value in case.vars.items() if not isinstance(value, str)}
    if cases.checks:
        head["checks"] = [_as_text(check, numbers) for check in cases.checks]
    aside, beside = _comments(source, cases)
    rows = []
    for place, case in enumerate(cases.cases):
        row: dict[str, JSON] = {"id": case.id, "vars": dict(case.vars)}
        if case.tags:
            row["tags"] = list(case.tags)
        if case.checks:
            row["checks"] = [_as_text(check, numbers) for check in case.checks]
        rows.append((beside.get(place, []), row))
    return f"# Imported from {source.name} by evalkit import.\n{comments(aside)}{dumped(head)}cases:\n{listed(rows)}"


def _comments(source: Source, cases: Cases) -> tuple[list[str], dict[int, list[str]]]:
    """What was left out: what belongs to no case, and of each case (by its place) what stood at its lines."""
    aside: list[str] = []
    beside: dict[int, list[str]] = {}
    places: dict[str, list[tuple[int, int]]] = {}
    for place, case in enumerate(cases.cases):
        places.setdefault(case.where.path, []).append((case.where.line or 0, place))
    for lines in places.values():
        lines.sort()
    for note in source.notes.all:
        if note.kind == "left out":
            lines = places.get(note.where.path, [])
            before = bisect_right(lines, (note.where.line or 0, len(cases.cases)))
            texts = beside.setdefault(lines[before - 1][1], []) if before else aside
            texts.append(f"left out: {note.where}: {note.what}")
    return aside, beside


def _as_text(value: JSON, numbers: set[str]) -> JSON:
    """The value with every lone ``{{ name }}`` of a variable that is no text printed as text: a lone expression would keep its type."""
    if isinstance(value, str):
        found = _LONE.match(value)
        return f"{{{{ {found[1]} | string }}}}" if found and found[1] in numbers else value
    if isinstance(value, dict):
        return {key: _as_text(one, numbers) for key, one in value.items()}
    return [_as_text(one, numbers) for one in value] if isinstance(value, list) else value


def _compared(name: str, prompts: Sequence[Prompt], models: Sequence[Model]) -> Mapping[str, JSON]:
    """The prompts as variants, and the models crossed with them; each pair by itself where a model is asked with some prompts only."""
    labels = unique(slug(prompt.label, otherwise=f"v{number}") for number, prompt in enumerate(prompts, 1))
    references = {label: f"{name}:v{number}" for number, label in enumerate(labels, 1)}
    crossed = len({model.reference for model in models}) == len(models) and not any(model.prompts for model in models)
    if crossed:
        listed_models: list[JSON] = [
            {"model": one.reference, "params": dict(one.params)} if one.params else one.reference for one in models
        ]
        return {
            "variants": {label: {"prompt": reference} for label, reference in references.items()},
            "models": listed_models,
        }
    variants: dict[str, JSON] = {}
    own = unique(slug(model.label or model.reference, otherwise="model") for model in models)
    for model, called in zip(models, own, strict=True):
        for prompt, label in zip(prompts, labels, strict=True):
            if not model.prompts or prompt.label in model.prompts:
                variants[f"{label}.{called}"] = {
                    "prompt": references[label],
                    "model": model.reference,
                    **({"params": dict(model.params)} if model.params else {}),
                }
    return {"variants": variants}
