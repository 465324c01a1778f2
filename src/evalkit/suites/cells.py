"""Variants × models × grid: each combination with its prompt version, its model, its parameters and its label."""

from __future__ import annotations

from dataclasses import dataclass, replace
from itertools import product
from typing import TYPE_CHECKING, Any

from evalkit.errors import EvalkitError, Where
from evalkit.model.calls import Delivery
from evalkit.model.cases import CheckSpec, Variant
from evalkit.suites.spec import ModelSpec
from evalkit.suites.variants import LABEL, label_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from evalkit.model.calls import JSON
    from evalkit.prompts.library import PromptLibrary
    from evalkit.prompts.version import PromptVersion
    from evalkit.suites.reading import Reader
    from evalkit.suites.spec import SuiteSpec, VariantSpec

MAX_CELLS = 500


@dataclass(frozen=True, slots=True)
class Target:
    """Whom to ask, and how: everything of a request but its prompt. ``where`` is the line to blame for it."""

    model: str
    params: Mapping[str, JSON]
    endpoint: str
    delivery: Delivery
    where: Where


@dataclass(frozen=True, slots=True)
class Cell:
    """One variant, ready to send: its ``target``, and the ``schema_check`` that its prompt's output schema implies.

    ``fallbacks`` are asked in order when there is no answer; ``canned`` is the answer of last resort. ``where`` is the line to blame.
    """

    variant: Variant
    prompt: PromptVersion
    target: Target
    where: Where
    schema_check: CheckSpec | None = None
    fallbacks: tuple[Target, ...] = ()
    canned: str | None = None


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
        for crossed, model in _variant_cells(
            replace(variant, name=variant.name or prompt.version), spec, prompt, reader
        ):
            where = _blame(spec, variant)
            first = labels.setdefault(crossed.label, where)
            if first is not where:
                reader.complain(f"two variants are called {crossed.label!r}", where.line or 1, "rename one of them")
                continue
            targets = _targets(spec, variant, crossed, model, endpoint=endpoint, reader=reader)
            if targets is not None:
                answer = (variant.fallbacks or spec.fallbacks).answer
                cells.append(Cell(crossed, prompt, targets[0], where, schema_check, targets[1:], answer))
    if len(cells) > MAX_CELLS:
        hint = "cross fewer models and grid values, or split the suite"
        reader.complain(f"{len(cells)} variants after crossing; the limit is {MAX_CELLS}", spec.where.line or 1, hint)
    return tuple(cells)


def _targets(
    spec: SuiteSpec,
    variant: VariantSpec,
    crossed: Variant,
    model: ModelSpec,
    *,
    endpoint: Callable[[str], str],
    reader: Reader,
) -> tuple[Target, ...] | None:
    """The variant's model, then its fallbacks, which take the same parameters; None if one of them cannot be asked."""
    where = _blame(spec, variant)
    own: dict[str, Any] = {**spec.delivery, **model.delivery, **variant.delivery}
    asked = [(crossed.model, crossed.params, own, where)]
    asked += [
        (spare.name, {**crossed.params, **spare.params}, {**own, **spare.delivery}, spare.where)
        for spare in (variant.fallbacks or spec.fallbacks).models
    ]
    targets: list[Target] = []
    for name, params, delivery, place in asked:
        try:
            targets.append(Target(name, params, endpoint(name), Delivery(**delivery), place))
        except EvalkitError as error:
            reader.absorb(error, place.line or 1)
    return tuple(targets) if len(targets) == len(asked) else None


def _variant_cells(
    variant: VariantSpec, spec: SuiteSpec, prompt: PromptVersion, reader: Reader
) -> Iterator[tuple[Variant, ModelSpec]]:
    own = variant.model or (None if spec.models else prompt.defaults.get("model"))
    models = spec.models if own is None else (ModelSpec(own, variant.where),) if isinstance(own, str) else ()
    if not models:
        hint = (
            "write models: [provider/model] in the suite, model: in the variant, or defaults: {model: …} in the prompt"
        )
        reader.complain(f"no model for {variant.name!r}", variant.where.line or 1, hint)
    defaults = {key: value for key, value in prompt.defaults.items() if key != "model"}
    points = [dict(zip(spec.grid, values, strict=True)) for values in product(*spec.grid.values())]
    for model, point in product(models, points):
        dimensions = [f"{name}:{label_of(value)}" for name, value in point.items()]
        crossed = dimensions if own is not None else [model.name, *dimensions]
        label = "-".join([variant.name, model.name, *dimensions])
        if not LABEL.match(label) or "/" not in model.name:
            hint = "a model is provider/model, as in openai/gpt-5-mini; only letters, digits and _ : + - . /"
            reader.complain(f"{label[:100]!r} cannot be part of a test id", variant.where.line or 1, hint)
            return
        made = Variant(
            name=variant.name,
            label=label,
            cell=" ".join(crossed),
            prompt=prompt.ref,
            prompt_digest=prompt.digest,
            model=model.name,
            params={**defaults, **spec.params, **model.params, **variant.params, **point},
            at=variant.at,
        )
        yield made, model


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
