"""A suite as written, parsed and strict, before it is crossed with variants: data only, each part knows its line."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from collections.abc import Mapping

    from evalkit.errors import Where
    from evalkit.model.calls import JSON
    from evalkit.model.cases import Case, CheckSpec, PersonalKind


@dataclass(frozen=True, slots=True)
class ModelSpec:
    """A model as written: ``provider/model``, with parameters of its own. ``delivery`` holds fields of :class:`evalkit.model.calls.Delivery`."""

    name: str
    where: Where
    params: Mapping[str, JSON] = field(default_factory=dict)
    delivery: Mapping[str, JSON] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class FallbackSpec:
    """What stands in for a model without an answer: other models, in order, then the text ``answer`` if there is one."""

    models: tuple[ModelSpec, ...] = ()
    answer: str | None = None


@dataclass(frozen=True, slots=True)
class VariantSpec:
    """A variant as written. ``prompt`` is a reference (``name:v2``, ``name:latest``), ``at`` a git revision.

    ``name`` is empty for the only variant of a suite that has no ``variants:``; it is then called after its prompt's version.

    ``model``, ``params``, ``delivery`` and ``fallbacks`` override the suite's; None and empty mean "the suite's".
    """

    name: str
    prompt: str
    where: Where
    model: str | None = None
    params: Mapping[str, JSON] = field(default_factory=dict)
    at: str | None = None
    delivery: Mapping[str, JSON] = field(default_factory=dict)
    fallbacks: FallbackSpec | None = None


STORED_BASELINE = "baseline"
"""What ``against`` says for the stored baseline, in a suite that has no variant of that name."""

GateKind = Literal["at_least", "must_pass", "budget", "no_regression", "better_than"]
ErrorPolicy = Literal["fail", "exclude"]
"""``fail``: a trial that could not be measured counts as one that failed. ``exclude``: it is left out, and both figures are said."""


@dataclass(frozen=True, slots=True)
class GateSpec:
    """A gate as written.

    ``at_least``: a pass rate against ``value`` (three-valued). ``must_pass``: every trial of the slice passes. ``budget``: an observed
    statistic (``stat`` of ``metric``) against ``value``. ``no_regression`` and ``better_than``: paired against the variant ``against``
    with ``margin`` (in rate units, 0.02 is 2 pp; for ratio metrics 0.10 is 10%), or, where ``stored``, against the stored baseline. ``op`` is the comparison as written (``>=``, ``<=``,
    ``<``, ``>``, ``==``). ``slice`` narrows to a tag, a check, a family or a model (``tag:smoke``, ``check:pii``, ``family:safety``,
    ``model:openai/gpt-5-mini``), or, joined by ``&``, to what belongs to several of them. ``errors`` says what becomes of trials that could not be measured. ``sequential`` lets the gate decide before all cases have run. ``variant`` is the
    variant it applies to; None means every variant that no gate names in ``against``.
    """

    kind: GateKind
    text: str
    where: Where
    metric: str = "pass_rate"
    stat: str = "rate"
    op: str = ">="
    value: float = 0.0
    slice: str | None = None
    against: str | None = None
    margin: float | None = None
    confidence: float = 0.95
    variant: str | None = None
    allow_infeasible: bool = False
    stored: bool = False
    sequential: bool = False
    errors: ErrorPolicy = "fail"

    @property
    def scored(self) -> str | None:
        """The check whose score the gate is about (``metric`` is then ``score(name)``); None if it is about something else."""
        return self.metric[6:-1] if self.metric.startswith("score(") else None


@dataclass(frozen=True, slots=True)
class SuiteSpec:
    """One suite file. ``path`` is relative to the project, with forward slashes. ``grid`` maps a parameter to the values to cross.

    ``redact`` are the kinds of personal data that are taken out of what is stored. ``baseline`` is the variant that others are compared with, if the suite says so. ``priority`` holds the tags whose cases are asked first. ``lines`` maps each top-level key to its line, for mistakes that show only when the suite is expanded.
    """

    name: str
    path: str
    where: Where
    cases: tuple[Case, ...]
    variants: tuple[VariantSpec, ...]
    models: tuple[ModelSpec, ...] = ()
    params: Mapping[str, JSON] = field(default_factory=dict)
    grid: Mapping[str, tuple[JSON, ...]] = field(default_factory=dict)
    repeats: int = 1
    require: int | None = None
    checks: tuple[CheckSpec, ...] = ()
    gates: tuple[GateSpec, ...] = ()
    lines: Mapping[str, int] = field(default_factory=dict)
    description: str = ""
    delivery: Mapping[str, JSON] = field(default_factory=dict)
    fallbacks: FallbackSpec = field(default_factory=FallbackSpec)
    priority: frozenset[str] = frozenset()
    baseline: str | None = None
    redact: frozenset[PersonalKind] = frozenset()
