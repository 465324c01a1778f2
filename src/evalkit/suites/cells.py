"""Variants × models × grid: each combination with its prompt version, its model, its parameters and its label."""

from __future__ import annotations

from dataclasses import dataclass, replace
from itertools import product
from typing import TYPE_CHECKING

from evalkit.errors import EvalkitError, Where
from evalkit.model.cases import CheckSpec, Variant
from evalkit.suites.variants import LABEL, label_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from evalkit.model.calls import JSON
    from evalkit.prompts.library import PromptLibrary
    from evalkit.prompts.version import PromptVersion
    from evalkit.suites.reading import Reader
    from evalkit.suites.spec import SuiteSpec, VariantSpec

MAX_CELLS = 500


@dataclass(frozen=True, slots=True)
class Cell:
    """One variant, ready to send: ``endpoint`` of its model, and the ``schema_check`` that its prompt's output schema implies.

    ``where`` is the line to blame for the model or the parameters.
    """

    variant: Variant
    prompt: PromptVersion
    endpoint: str
    where: Where
    schema_check: CheckSpec | None = None


def cross(
    spec: SuiteSpec, *, prompts: PromptLibrary, endpoint: Callable[[str], str], reader: Reader
) -> tuple[Cell, ...]:
    """Every cell of the suite, in the order variants, models, grid. Mistakes are noted in ``reader``; their cells left out."""
    cells: list[Cell] = []
    labels: dict[str, Where] = {}
    found: dict[tuple[str, str | None], tuple[PromptVersion, CheckSpec | None]] = {}
    for variant in spec.variants:
        key = (variant.prompt, variant.at)
        try:
            if key not in found:
                version = prompts.get(variant.prompt, at=variant.at, where=variant.where)
                found[key] = (version, _schema_check(version))
        except EvalkitError as error:
            reader.absorb(error, variant.where.line or 1)
            continue
        prompt, schema_check = found[key]
        for crossed in _variant_cells(replace(variant, name=variant.name or prompt.version), spec, prompt, reader):
            where = _blame(spec, variant)
            first = labels.setdefault(crossed.label, where)
            if first is not where:
                reader.complain(f"two variants are called {crossed.label!r}", where.line or 1, "rename one of them")
                continue
            try:
                cells.append(Cell(crossed, prompt, endpoint(crossed.model), where, schema_check))
            except EvalkitError as error:
                reader.absorb(error, where.line or 1)
    if len(cells) > MAX_CELLS:
        reader.complain(f"{len(cells)} variants after crossing; the limit is {MAX_CELLS}", spec.where.line or 1)
    return tuple(cells)


def _variant_cells(variant: VariantSpec, spec: SuiteSpec, prompt: PromptVersion, reader: Reader) -> Iterator[Variant]:
    own = variant.model
    models = (own,) if own else spec.models or (_default_model(prompt),)
    defaults = {key: value for key, value in prompt.defaults.items() if key != "model"}
    for model, *values in product(models, *spec.grid.values()):
        if not isinstance(model, str):
            hint = "write models: [provider/model] in the suite, model: in the variant, or defaults: {model: …} in the prompt"
            reader.complain(f"no model for {variant.name!r}", variant.where.line or 1, hint)
            return
        point = dict(zip(spec.grid, values, strict=True))
        dimensions = [f"{name}:{label_of(value)}" for name, value in point.items()]
        crossed = dimensions if own or not spec.models else [model, *dimensions]
        label = "-".join([variant.name, model, *dimensions])
        if not LABEL.match(label) or "/" not in model:
            hint = "a model is provider/model, as in openai/gpt-5-mini; only letters, digits and _ : + - . /"
            reader.complain(f"{label[:100]!r} cannot be part of a test id", variant.where.line or 1, hint)
            return
        yield Variant(
            name=variant.name,
            label=label,
            cell=" ".join(crossed),
            prompt=prompt.ref,
            prompt_digest=prompt.digest,
            model=model,
            params={**defaults, **spec.params, **variant.params, **point},
            at=variant.at,
        )


def _default_model(prompt: PromptVersion) -> JSON:
    return prompt.defaults.get("model")


def _blame(spec: SuiteSpec, variant: VariantSpec) -> Where:
    if variant.model or variant.params:
        return variant.where
    for key in ("models", "grid", "params"):
        if key in spec.lines:
            return Where(spec.path, spec.lines[key])
    return variant.where


def _schema_check(prompt: PromptVersion) -> CheckSpec | None:
    if prompt.output_schema is None:
        return None
    return CheckSpec("json_schema", {"schema": prompt.output_schema}, Where(prompt.path))
