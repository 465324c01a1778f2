"""What is tested: cases, variants, checks as written, and the trials they multiply out to."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal, get_args

from evalkit.errors import Where
from evalkit.model.calls import JSON, Request

Severity = Literal["fail", "warn"]

PersonalKind = Literal["email", "phone", "iban", "card", "ssn", "national_id", "ip"]
"""Kinds of personal data that can be found in a text."""

PERSONAL_KINDS: tuple[PersonalKind, ...] = get_args(PersonalKind)

ATTACK_TAG = "attack"
"""The tag of every attacked case; ``attack.injection`` and the like name the kind."""


@dataclass(frozen=True, slots=True)
class CheckSpec:
    """A check as written in a suite, before it is built.

    ``name`` is a check's name, or ``not``, ``any_of``, ``all_of`` with ``children``. ``params`` is the value behind the name:
    a mapping (long form) or anything else (short form). ``select`` is a JSONPath applied to the answer first.
    """

    name: str
    params: JSON
    where: Where
    children: tuple[CheckSpec, ...] = ()
    select: str | None = None
    severity: Severity = "fail"


@dataclass(frozen=True, slots=True)
class Case:
    """One row of a suite's dataset. ``digest`` covers vars, expect, checks, require: a changed case is not paired with its old self.

    ``alone`` says that it is judged by its own checks and not by the suite's.
    """

    id: str
    vars: Mapping[str, JSON]
    where: Where
    expect: Mapping[str, JSON] = field(default_factory=dict)
    tags: frozenset[str] = frozenset()
    cluster: str | None = None
    checks: tuple[CheckSpec, ...] = ()
    digest: str = ""
    alone: bool = False


@dataclass(frozen=True, slots=True)
class Variant:
    """What is compared: prompt version × model × parameters.

    ``cell`` names the dimensions that the suite crossed with every variant (models, grid); two variants are compared
    within equal cells. ``label`` is the part between brackets of a test id: ``candidate-openai/gpt-5-mini``.
    ``prompt`` is a full reference with its version (``refund-reply:v2``), ``prompt_digest`` the digest of its text.
    """

    name: str
    label: str
    cell: str
    prompt: str
    prompt_digest: str
    model: str
    params: Mapping[str, JSON] = field(default_factory=dict)
    at: str | None = None


@dataclass(frozen=True, slots=True)
class Trial:
    """One case × variant × repeat, with the request ready to send.

    Of calls that wait for a limit, those of a lower ``priority`` go first. If ``request`` gets no answer, ``fallbacks`` are asked in
    order, and ``canned``, if there is one, is the answer of last resort.
    """

    suite: str
    suite_path: str
    case: Case
    variant: Variant
    repeat: int
    request: Request
    priority: int = 1
    fallbacks: tuple[Request, ...] = ()
    canned: str | None = None

    @property
    def test_id(self) -> str:
        """The id of the pytest item this trial belongs to: ``suites/refunds.yaml::late-parcel[candidate-openai/gpt-5-mini]``."""
        return f"{self.suite_path}::{self.case.id}[{self.variant.label}]"


@dataclass(frozen=True, slots=True)
class PlannedTest:
    """One pytest item: a case × variant with all its repeats, the checks to apply, and how many repeats must pass.

    ``checks`` are the suite's and the case's, their ``{{ }}`` parameters resolved for this case.
    """

    trials: tuple[Trial, ...]
    checks: tuple[CheckSpec, ...]
    require: int

    @property
    def test_id(self) -> str:
        """The item's id, the same for each of its trials."""
        return self.trials[0].test_id
