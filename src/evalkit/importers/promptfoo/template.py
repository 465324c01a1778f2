"""Nunjucks, which promptfoo renders, as Jinja: the differences that occur are rewritten, the others refused with the reason.

Source: both languages' documentation, and what both made of the same templates.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from evalkit.importers.notes import UnportableError

if TYPE_CHECKING:
    from collections.abc import Iterator

_OPENING = re.compile(r"\{[{%#]")
_CLOSING = {"{{": "}}", "{%": "%}", "{#": "#}"}
_LONGEST = 2000
"""Characters of one tag: no honest one is longer, and what rewrites it looks at every place of it."""
_TEXTS = re.compile(r"""("(?:[^"\\]|\\.)*"|'(?:[^'\\]|\\.)*')""")
_ROLE = re.compile(r"\{% (end)?(system|user|assistant) %\}")
_REWRITTEN = (
    (re.compile(r"!=="), "!="),
    (re.compile(r"==="), "=="),
    (re.compile(r"\|\s*dump\(\s*(\d+)\s*\)"), r"| tojson(indent=\1)"),
    (re.compile(r"\|\s*dump\b(\(\))?"), "| tojson"),
    (re.compile(r"\s*\|\s*safe\b"), ""),
    (re.compile(r"([\w\])]+(?:\.\w+)*?)\.length\b"), r"(\1 | length)"),
    (re.compile(r"\bis(\s+not)?\s+null\b"), r"is\1 none"),
    (re.compile(r"(^\{%[-~]?\s*)elseif\b"), r"\1elif"),
    (re.compile(r"(^\{%[-~]?\s*)(end)?verbatim\b"), r"\1\2raw"),
    (re.compile(r"(^\{%[-~]?\s*for\s+\w+\s*,\s*\w+\s+in\s+)([\w.]+)(\s*[-~]?%\}$)"), r"\1\2.items()\3"),
)
_REFUSED = (
    (re.compile(r"\benv\b"), "reads the environment, which no prompt of evalkit sees: make it a variable"),
    (re.compile(r"\b_conversation\b"), "is built from earlier answers: put the conversation into the cases"),
    (re.compile(r"^\{%[-~]?\s*(switch|case|async\w+|call|filter)\b"), "uses a tag that Jinja does not have or does differently"),
    (re.compile(r"^\{%[-~]?\s*(include|import|from|extends)\b"), "includes another file: put its text here"),
    (re.compile(r"\br/"), "holds a regular expression"),
    (re.compile(r"&&|\|\|"), "uses && or ||: write and, or"),
    (re.compile(r"\.(toUpperCase|toLowerCase|includes|indexOf|slice|trim|split|join|map|filter)\("), "calls a method of JavaScript: use a filter"),
)  # fmt: skip


def to_jinja(text: str) -> str:
    """Return ``text`` as Jinja. Raises UnportableError for what has no like there."""
    if "{" not in text:
        return text
    converted = "".join(_converted(part) for part in _split(text))
    variables_of(converted)
    return converted


def variables_of(jinja: str) -> tuple[str, ...]:
    """The variables that a template, with or without role blocks, reads, sorted. Raises UnportableError if it is not Jinja."""
    if "{" not in jinja:
        return ()
    from jinja2 import Environment, TemplateSyntaxError, meta

    try:
        tree = Environment(autoescape=False).parse(_ROLE.sub("", jinja))  # noqa: S701 - parsed, never rendered
        return tuple(sorted(meta.find_undeclared_variables(tree)))
    except TemplateSyntaxError as error:
        raise UnportableError(f"its template is not Jinja: {error.message}") from error
    except RecursionError as error:
        raise UnportableError("its template nests too deep") from error


def printed_as_json(jinja: str, names: set[str]) -> str:
    """Print the variables ``names`` as JSON where they are printed as they are: Jinja would write a list as Python does."""
    if not names:
        return jinja
    bare = re.compile(r"\{\{([-~]?\s*)(" + "|".join(map(re.escape, sorted(names))) + r")(\s*[-~]?)\}\}")
    return bare.sub(r"{{\1\2 | tojson\3}}", jinja)


def _split(text: str) -> Iterator[str]:
    """The text in pieces: tags whole, and what is between them. Linear, also for tags that never end."""
    done = 0
    for found in _OPENING.finditer(text):
        if found.start() < done:
            continue
        end = text.find(_CLOSING[found[0]], found.end())
        if end < 0:
            break
        yield text[done : found.start()]
        yield text[found.start() : end + 2]
        done = end + 2
    yield text[done:]


def _converted(part: str) -> str:
    if part[:2] not in {"{{", "{%"}:
        return part
    if len(part) > _LONGEST:
        raise UnportableError(f"one of its tags is longer than {_LONGEST} characters")
    return "".join(_code(piece) for piece in _parts(part))


def _parts(tag: str) -> Iterator[tuple[str, bool]]:
    """The tag in pieces, with whether each is a text in quotation marks."""
    for place, part in enumerate(_TEXTS.split(tag)):
        yield part, place % 2 == 1


def _code(piece: tuple[str, bool]) -> str:
    part, quoted = piece
    if quoted:
        return part
    for pattern, why in _REFUSED:
        if pattern.search(part):
            raise UnportableError(f"its template {why}")
    for pattern, by in _REWRITTEN:
        part = pattern.sub(by, part)
    return part
