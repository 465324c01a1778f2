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
    "json": "evalkit.checks.shape:Json",
    "json_schema": "evalkit.checks.shape:JsonSchema",
    "pydantic": "evalkit.checks.shape:Pydantic",
    "json_like": "evalkit.checks.shape_like:JsonLike",
    "one_of": "evalkit.checks.shape_values:OneOf",
    "number": "evalkit.checks.shape_number:Number",
    "date": "evalkit.checks.shape_values:Date",
    "url": "evalkit.checks.shape_values:Url",
    "finish": "evalkit.checks.shape_reply:Finished",
    "tool_called": "evalkit.checks.shape_reply:ToolCalled",
    "tool_calls": "evalkit.checks.shape_reply:ToolCalls",
    "python": "evalkit.checks.shape_code:Python",
    "sql": "evalkit.checks.shape_sql:Sql",
    "regular_expression": "evalkit.checks.shape_code:RegularExpression",
    "xml": "evalkit.checks.shape_markup:Xml",
    "html": "evalkit.checks.shape_markup:Html",
    "regex": "evalkit.checks.shape_text:Regex",
    "length": "evalkit.checks.shape_text:Length",
    "starts_with": "evalkit.checks.shape_edges:StartsWith",
    "ends_with": "evalkit.checks.shape_edges:EndsWith",
    "case": "evalkit.checks.shape_text:Case",
    "uppercase_words": "evalkit.checks.shape_text:UppercaseWords",
    "language": "evalkit.checks.shape_language:Language",
    "bullets": "evalkit.checks.shape_markdown:Bullets",
    "headings": "evalkit.checks.shape_markdown:Headings",
    "highlights": "evalkit.checks.shape_markdown:Highlights",
    "placeholders": "evalkit.checks.shape_markdown:Placeholders",
    "code_blocks": "evalkit.checks.shape_markdown:CodeBlocks",
    "tables": "evalkit.checks.shape_markdown:Tables",
    "parts": "evalkit.checks.shape_markdown:Parts",
    "contains": "evalkit.checks.content:Contains",
    "equals": "evalkit.checks.content:Equals",
    "similarity": "evalkit.checks.content:Similarity",
    "embedding_similarity": "evalkit.checks.content_meaning:EmbeddingSimilarity",
    "rouge": "evalkit.checks.content_scores:Rouge",
    "bleu": "evalkit.checks.content_scores:Bleu",
    "chrf": "evalkit.checks.content_scores:Chrf",
    "overlap": "evalkit.checks.content_overlap:Overlap",
    "citations": "evalkit.checks.content_citations:Citations",
    "retrieval": "evalkit.checks.content_overlap:RetrievalQuality",
    "pii": "evalkit.checks.safety:Pii",
    "secrets": "evalkit.checks.safety:Secrets",
    "refusal": "evalkit.checks.safety:Refusal",
    "blocked_terms": "evalkit.checks.safety:BlockedTerms",
    "prompt_leak": "evalkit.checks.safety_leak:PromptLeak",
    "unsafe_links": "evalkit.checks.safety_links:UnsafeLinks",
    "injection_echo": "evalkit.checks.safety_injection:InjectionEcho",
    "profanity": "evalkit.checks.safety_profanity:Profanity",
    "moderation": "evalkit.checks.safety_moderation:Moderation",
    "rubric": "evalkit.checks.judge:Rubric",
    "relevant": "evalkit.checks.judge:Relevant",
    "criteria": "evalkit.checks.judge_criteria:Criteria",
    "factual": "evalkit.checks.judge_facts:Factual",
    "faithful": "evalkit.checks.judge_facts:Faithful",
    "pairwise": "evalkit.checks.judge_pairwise:Pairwise",
    "resists": "evalkit.checks.safety_attack:Resists",
    "paraphrased": "evalkit.checks.metamorphic_text:Paraphrased",
    "misspelled": "evalkit.checks.metamorphic_text:Misspelled",
    "recased": "evalkit.checks.metamorphic_text:Recased",
    "padded": "evalkit.checks.metamorphic_text:Padded",
    "distracted": "evalkit.checks.metamorphic_text:Distracted",
    "reordered": "evalkit.checks.metamorphic_text:Reordered",
    "translated": "evalkit.checks.metamorphic_meaning:Translated",
    "swapped": "evalkit.checks.metamorphic_meaning:Swapped",
    "negated": "evalkit.checks.metamorphic_meaning:Negated",
    "varied": "evalkit.checks.metamorphic_meaning:Varied",
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
