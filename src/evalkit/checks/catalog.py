"""Which checks there are: the registry, and what a suite's author needs to know of each."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from inspect import getdoc
from typing import TYPE_CHECKING, Any

from evalkit.checks.params import accepts_bare
from evalkit.checks.schemas import expression_too, in_words, long_schema
from evalkit.registry import Registry

if TYPE_CHECKING:
    from collections.abc import Iterator

    from evalkit.checks.base import CheckModel
    from evalkit.model.results import Family

_BUILTIN: dict[str, str] = {
    "json": "evalkit.checks.shape.structured:Json",
    "json_schema": "evalkit.checks.shape.structured:JsonSchema",
    "pydantic": "evalkit.checks.shape.structured:Pydantic",
    "json_like": "evalkit.checks.shape.like:JsonLike",
    "one_of": "evalkit.checks.shape.values:OneOf",
    "number": "evalkit.checks.shape.number:Number",
    "date": "evalkit.checks.shape.values:Date",
    "url": "evalkit.checks.shape.values:Url",
    "finish": "evalkit.checks.shape.reply:Finished",
    "tool_called": "evalkit.checks.shape.reply:ToolCalled",
    "tool_calls": "evalkit.checks.shape.reply:ToolCalls",
    "python": "evalkit.checks.shape.code:Python",
    "sql": "evalkit.checks.shape.sql:Sql",
    "regular_expression": "evalkit.checks.shape.code:RegularExpression",
    "xml": "evalkit.checks.shape.markup:Xml",
    "html": "evalkit.checks.shape.markup:Html",
    "regex": "evalkit.checks.shape.plain:Regex",
    "length": "evalkit.checks.shape.plain:Length",
    "starts_with": "evalkit.checks.shape.edges:StartsWith",
    "ends_with": "evalkit.checks.shape.edges:EndsWith",
    "case": "evalkit.checks.shape.plain:Case",
    "uppercase_words": "evalkit.checks.shape.plain:UppercaseWords",
    "language": "evalkit.checks.shape.language:Language",
    "bullets": "evalkit.checks.shape.markdown:Bullets",
    "headings": "evalkit.checks.shape.markdown:Headings",
    "highlights": "evalkit.checks.shape.markdown:Highlights",
    "placeholders": "evalkit.checks.shape.markdown:Placeholders",
    "code_blocks": "evalkit.checks.shape.markdown:CodeBlocks",
    "tables": "evalkit.checks.shape.markdown:Tables",
    "parts": "evalkit.checks.shape.markdown:Parts",
    "contains": "evalkit.checks.content.matching:Contains",
    "equals": "evalkit.checks.content.matching:Equals",
    "similarity": "evalkit.checks.content.matching:Similarity",
    "embedding_similarity": "evalkit.checks.content.meaning:EmbeddingSimilarity",
    "rouge": "evalkit.checks.content.scores:Rouge",
    "bleu": "evalkit.checks.content.scores:Bleu",
    "chrf": "evalkit.checks.content.scores:Chrf",
    "overlap": "evalkit.checks.content.overlap:Overlap",
    "citations": "evalkit.checks.content.citations:Citations",
    "retrieval": "evalkit.checks.content.overlap:RetrievalQuality",
    "pii": "evalkit.checks.safety.forbidden:Pii",
    "secrets": "evalkit.checks.safety.forbidden:Secrets",
    "refusal": "evalkit.checks.safety.forbidden:Refusal",
    "blocked_terms": "evalkit.checks.safety.forbidden:BlockedTerms",
    "prompt_leak": "evalkit.checks.safety.leak:PromptLeak",
    "unsafe_links": "evalkit.checks.safety.links:UnsafeLinks",
    "injection_echo": "evalkit.checks.safety.injection:InjectionEcho",
    "profanity": "evalkit.checks.safety.profanity:Profanity",
    "moderation": "evalkit.checks.safety.moderation:Moderation",
    "rubric": "evalkit.checks.judge.graded:Rubric",
    "relevant": "evalkit.checks.judge.graded:Relevant",
    "criteria": "evalkit.checks.judge.criteria:Criteria",
    "factual": "evalkit.checks.judge.facts:Factual",
    "faithful": "evalkit.checks.judge.facts:Faithful",
    "pairwise": "evalkit.checks.judge.pairwise:Pairwise",
    "resists": "evalkit.checks.safety.attack:Resists",
    "paraphrased": "evalkit.checks.metamorphic.form:Paraphrased",
    "misspelled": "evalkit.checks.metamorphic.form:Misspelled",
    "recased": "evalkit.checks.metamorphic.form:Recased",
    "padded": "evalkit.checks.metamorphic.form:Padded",
    "distracted": "evalkit.checks.metamorphic.form:Distracted",
    "reordered": "evalkit.checks.metamorphic.form:Reordered",
    "translated": "evalkit.checks.metamorphic.meaning:Translated",
    "swapped": "evalkit.checks.metamorphic.meaning:Swapped",
    "negated": "evalkit.checks.metamorphic.meaning:Negated",
    "varied": "evalkit.checks.metamorphic.meaning:Varied",
    "latency_s": "evalkit.checks.operational:LatencyS",
    "first_token_s": "evalkit.checks.operational:FirstTokenS",
    "cost_usd": "evalkit.checks.operational:CostUsd",
    "tokens": "evalkit.checks.operational:Tokens",
    "served_by": "evalkit.checks.operational:ServedBy",
}


def _is_check(thing: object) -> bool:
    return isinstance(thing, type) and hasattr(thing, "family") and hasattr(thing, "judge")


CHECKS: Registry[type[CheckModel]] = Registry("check", builtin=_BUILTIN, group="evalkit.checks", fits=_is_check)
"""Every check by the name that a suite writes. Packages add theirs through the entry-point group ``evalkit.checks``."""


@dataclass(frozen=True, slots=True)
class Parameter:
    """One parameter of a check. ``type`` is in words; ``default`` is its JSON value, meaningless when ``required``."""

    name: str
    type: str
    doc: str
    required: bool
    default: Any = None


@dataclass(frozen=True, slots=True)
class CheckDescription:
    """A check for a reader. ``details`` is the docstring after its first line, without the source."""

    name: str
    family: Family
    summary: str
    details: str
    source: str
    short: str | None
    parameters: tuple[Parameter, ...] = ()
    example: Mapping[str, Any] = field(default_factory=dict)


class Families(Mapping[str, "Family"]):
    """The family of every check, by name. A check is loaded when its family is asked for: to load them all costs 50 ms."""

    def __getitem__(self, name: str) -> Family:
        if name not in CHECKS:
            raise KeyError(name)
        return CHECKS.get(name).family

    def __iter__(self) -> Iterator[str]:
        return iter(CHECKS)

    def __len__(self) -> int:
        return len(CHECKS.names())


def describe(name: str) -> CheckDescription:
    """Describe one check. Raises ConfigError with the nearest names if there is no such check."""
    cls = CHECKS.get(name)
    summary, _, rest = (getdoc(cls) or name).partition("\n")
    details, _, source = rest.partition("Source:")
    return CheckDescription(
        name=name,
        family=cls.family,
        summary=summary.strip(),
        details=details.strip(),
        source=" ".join(source.split()),
        short=cls.short,
        parameters=_parameters(cls),
        example=cls.example,
    )


def _parameters(cls: type[CheckModel]) -> tuple[Parameter, ...]:
    properties = long_schema(cls)["properties"]
    return tuple(
        Parameter(
            name=field_info.alias or name,
            type=in_words(properties[field_info.alias or name]),
            doc=field_info.description or "",
            required=field_info.is_required(),
            default=properties[field_info.alias or name].get("default"),
        )
        for name, field_info in cls.model_fields.items()
    )


def editor_schemas() -> dict[str, Any]:
    """JSON Schemas of every check's parameters: ``{name: {"long": …, "short": … or None, "summary": …, "bare": bool}}``.

    Each is self-contained (no ``$ref``), and lets a ``{{ expression }}`` stand wherever a value that is not text is wanted.
    """
    return {name: _editor_schema(name, CHECKS.get(name)) for name in CHECKS}


def _editor_schema(name: str, cls: type[CheckModel]) -> dict[str, Any]:
    long = expression_too(long_schema(cls))
    return {
        "long": long,
        "short": long["properties"][cls.short] if cls.short else None,
        "bare": accepts_bare(cls),
        "summary": describe(name).summary,
    }
