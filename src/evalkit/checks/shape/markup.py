"""Shape of markup: XML and HTML, each read by a real parser that follows no reference."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, ClassVar
from xml.parsers import expat

from pydantic import Field

from evalkit.checks.count import example
from evalkit.checks.shape.code import CodeCheck, NotCode
from evalkit.errors import MissingExtraError

if TYPE_CHECKING:
    from evalkit.checks.base import BuildContext

MAX_DEPTH = 200
"""Elements inside elements."""


class Xml(CodeCheck):
    """The answer is well-formed XML.

    A document type, entities of one's own and elements nested deeper than 200 are refused: nothing is expanded, nothing is fetched.

    Source: Extensible Markup Language 1.0 (fifth edition), as parsed by expat.
    """

    name: ClassVar[str] = "xml"
    short: ClassVar[str | None] = "root"
    marks: ClassVar[tuple[str, ...]] = ("xml", "svg")
    noun: ClassVar[str] = "XML"
    example = example(
        {"root": "order", "elements": ["id"]},
        passes="<order><id>A-1001</id></order>",
        fails="<order><id>A-1001</order>",
    )

    root: str | None = Field(None, description="the name of the outermost element")
    elements: list[str] = Field(default=[], description="names of elements that must be there")

    def parse(self, code: str) -> str | NotCode:
        """Parse with every expansion refused."""
        lines = code[: len(code) - len(code.lstrip())].count("\n")
        reader = _Reader()
        try:
            reader.read(code.strip())
        except expat.ExpatError as error:
            return NotCode(expat.ErrorString(error.code), error.lineno + lines)
        except ValueError as error:
            return NotCode(str(error), reader.line + lines)
        if self.root is not None and reader.seen[0] != self.root:
            return NotCode(f"the outermost element is {reader.seen[0]}, not {self.root}")
        found = f"XML with {len(reader.seen):,} elements, the outermost {reader.seen[0]}"
        return _missing(self.elements, reader.seen) or found


class _Reader:
    """Reads XML for its elements' names; refuses, with a ValueError, what could grow."""

    def __init__(self) -> None:
        self.seen: list[str] = []
        self._depth = 0
        self._parser = expat.ParserCreate()
        self._parser.StartElementHandler = self._start
        self._parser.EndElementHandler = self._end
        self._parser.StartDoctypeDeclHandler = self._refuse

    @property
    def line(self) -> int:
        """The line (from 1) that the parser has come to."""
        return self._parser.CurrentLineNumber

    def read(self, text: str) -> None:
        """Parse all of it. Raises ExpatError and ValueError."""
        self._parser.Parse(text.encode("utf-8", "replace"), True)

    def _start(self, name: str, _attributes: dict[str, str]) -> None:
        self._depth += 1
        if self._depth > MAX_DEPTH:
            raise ValueError(f"elements nested deeper than {MAX_DEPTH}")
        self.seen.append(name)

    def _end(self, _name: str) -> None:
        self._depth -= 1

    def _refuse(self, *_details: object) -> None:
        raise ValueError("it has a document type, which is refused")


def _missing(wanted: list[str], seen: list[str]) -> NotCode | None:
    missing = [name for name in wanted if name not in seen]
    return NotCode(f"it has no element {missing[0]}") if missing else None


_TAG = re.compile(r"<(/?)([a-zA-Z][a-zA-Z0-9-]{0,40})")
_MAY_STAY_OPEN = frozenset({
    *(
        "p",
        "li",
        "dt",
        "dd",
        "tr",
        "td",
        "th",
        "thead",
        "tbody",
        "tfoot",
        "option",
        "optgroup",
        "colgroup",
        "rt",
        "rp",
        "html",
        "head",
        "body",
    ),
    *("area", "base", "br", "col", "embed", "hr", "img", "input", "link", "meta", "source", "track", "wbr"),
})


class Html(CodeCheck):
    """The answer is HTML without a parse error: every element is closed that must be, and only such.

    A fragment, unless ``document``, which wants the whole page with its document type. ``elements`` must be there; with ``only``, no
    others may be. Whether it is safe to show is for ``unsafe_links``.

    Source: the parsing algorithm of the WHATWG HTML standard, as implemented by html5lib.
    """

    name: ClassVar[str] = "html"
    marks: ClassVar[tuple[str, ...]] = ("html", "xhtml", "htm")
    noun: ClassVar[str] = "HTML"
    example = example(
        {"only": ["p", "b", "ul", "li"]},
        passes="<p>Your parcel is <b>late</b>.</p>",
        fails="<p>Your parcel is <b>late.</p>",
    )

    document: bool = Field(False, description="a whole page instead of a fragment")
    elements: list[str] = Field(default=[], description="names of elements that must be there")
    only: list[str] | None = Field(None, description="the only elements allowed", min_length=1)

    def prepare(self, build: BuildContext) -> Html:
        """Look for the parser. Raises MissingExtraError without it."""
        del build
        try:
            import html5lib  # noqa: F401 - looked for, not used
        except ImportError as error:
            raise MissingExtraError("the check html", package="html5lib", extra="shape") from error
        return self

    def parse(self, code: str) -> str | NotCode:
        """Parse, and look at the elements."""
        import html5lib
        from html5lib.constants import E

        if _depth(code) > MAX_DEPTH:
            return NotCode(f"elements nested deeper than {MAX_DEPTH}")
        parser = html5lib.HTMLParser(namespaceHTMLElements=False)
        tree: Any = (parser.parse if self.document else parser.parseFragment)(code.strip())
        if parser.errors:
            (line, _), kind, values = parser.errors[0]
            return NotCode(E.get(kind, kind) % values, line)
        written = {name.lower() for _, name in _TAG.findall(code)}
        return self._judged([node.tag for node in tree.iter() if isinstance(node.tag, str) and node.tag in written])

    def _judged(self, seen: list[str]) -> str | NotCode:
        if not seen:
            return NotCode("it has no element, it is plain text")
        strange = [name for name in seen if self.only is not None and name not in self.only]
        if strange:
            return NotCode(f"it has the element {strange[0]}, which is not allowed")
        return _missing(self.elements, seen) or f"HTML with {len(seen):,} elements"


def _depth(code: str) -> int:
    """How deep elements that need an end nest, at most: the parser takes quadratic time over them."""
    deepest = depth = 0
    for closing, name in _TAG.findall(code):
        if name.lower() not in _MAY_STAY_OPEN:
            depth = max(0, depth - 1) if closing else depth + 1
            deepest = max(deepest, depth)
    return deepest
