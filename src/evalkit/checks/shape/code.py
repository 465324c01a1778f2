"""Shape of code: Python and regular expressions, each read by a real parser and never run."""

from __future__ import annotations

import ast
import warnings
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar, Literal

import regex
from pydantic import Field

from evalkit.checks.base import CheckContext, CheckModel
from evalkit.checks.count import example
from evalkit.checks.patterns import compile_pattern, search
from evalkit.checks.reading.fences import fences
from evalkit.checks.reading.text import Span, line_of, quoted
from evalkit.errors import SuiteError
from evalkit.model.results import Family

if TYPE_CHECKING:
    from collections.abc import Sequence

    from evalkit.model.calls import Reply
    from evalkit.model.results import Verdict

MAX_CHARS = 200_000
MAX_NESTED = 200
"""Brackets inside brackets: parsers recurse."""


@dataclass(frozen=True, slots=True)
class NotCode:
    """Why a piece of text is not what it should be; ``line`` (from 1) is where in the piece, if the parser says."""

    reason: str
    line: int = 1


class CodeCheck(CheckModel):
    """Base of the checks that parse: where the code may stand in the answer, and what a parser may be given."""

    family: ClassVar[Family] = "shape"
    marks: ClassVar[tuple[str, ...]] = ()
    noun: ClassVar[str]

    where: Literal["whole", "fence", "blocks"] = Field(
        "fence",
        description="whole: nothing but code; fence: or one code fence and nothing else; blocks: every code block marked as such, or unmarked",
    )

    def judge(self, ctx: CheckContext, replies: Sequence[Reply]) -> Verdict:
        """Parse each piece; the reason names the first mistake with its line in the answer."""
        del replies
        pieces = self.pieces(ctx.text)
        if not pieces:
            return self.verdict("fail", f"expected a code block with {self.noun}, found none")
        notes: list[str] = []
        for start, end in pieces:
            found = self._parsed(ctx.text[start:end])
            if isinstance(found, NotCode):
                line = line_of(ctx.text, start) + found.line - 1
                reason = f"expected {self.noun}, found {quoted(ctx.text[start:end])}: {found.reason} (line {line})"
                return self.verdict("fail", reason, spans=ctx.placed([(start, end)]))
            notes.append(found)
        return self.verdict("pass", "; ".join(dict.fromkeys(notes)), spans=ctx.placed(pieces))

    def pieces(self, text: str) -> list[Span]:
        """Where the code stands, without its fences."""
        blocks = fences(text) if self.where != "whole" else []
        if self.where == "blocks":
            return [(b.body_start, b.body_end) for b in blocks if b.language.lower() in {"", *self.marks}]
        if len(blocks) == 1 and not (text[: blocks[0].start] + text[blocks[0].end :]).strip():
            return [(blocks[0].body_start, blocks[0].body_end)]
        return [(0, len(text))]

    def _parsed(self, code: str) -> str | NotCode:
        if not code.strip():
            return NotCode("there is nothing")
        if len(code) > MAX_CHARS:
            return NotCode(f"{len(code):,} characters; at most {MAX_CHARS:,} are parsed")
        if _nesting(code) > MAX_NESTED:
            return NotCode(f"brackets nested deeper than {MAX_NESTED}")
        return self.parse(code)

    def parse(self, code: str) -> str | NotCode:
        """Return what was found, for the reason, or why it is no such code."""
        raise NotImplementedError


def _nesting(code: str) -> int:
    deepest = depth = 0
    for bracket in regex.findall(r"[()\[\]{}]", code):
        depth = depth + 1 if bracket in "([{" else max(0, depth - 1)
        deepest = max(deepest, depth)
    return deepest


class Python(CodeCheck):
    """The answer is Python that parses. It is not run.

    ``defines`` lists functions and classes that must be there at the top level, ``imports`` the only modules that may be imported.

    Source: the parser of the Python that runs the checks (``ast``).
    """

    name: ClassVar[str] = "python"
    marks: ClassVar[tuple[str, ...]] = ("python", "py", "python3")
    noun: ClassVar[str] = "Python"
    example = example(
        {"defines": ["add"]},
        passes="```python\ndef add(a, b):\n    return a + b\n```",
        fails="def add(a, b) return a + b",
    )

    defines: list[str] = Field(default=[], description="functions and classes that must be defined")
    imports: list[str] | None = Field(None, description="the only modules that may be imported, such as math")

    def parse(self, code: str) -> str | NotCode:
        """Parse, and look at what is defined and imported."""
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")  # an odd escape in the answer's strings is no mistake of the suite
                tree = ast.parse(code)
        except SyntaxError as error:
            return NotCode(error.msg, error.lineno or 1)
        except (ValueError, MemoryError, RecursionError) as error:
            return NotCode(f"the parser gave up: {error or type(error).__name__}")
        kinds = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)
        defined = {node.name for node in tree.body if isinstance(node, kinds)}
        missing = [name for name in self.defines if name not in defined]
        if missing:
            return NotCode(f"it does not define {', '.join(missing)}")
        return self._strange_import(tree) or f"Python that defines {', '.join(sorted(defined)[:5]) or 'nothing'}"

    def _strange_import(self, tree: ast.Module) -> NotCode | None:
        if self.imports is None:
            return None
        for node in ast.walk(tree):
            if isinstance(node, ast.Import | ast.ImportFrom):
                strange = [name for name in _imported(node) if not self._is_known(name)]
                if strange:
                    return NotCode(f"it imports {strange[0]}", node.lineno)
        return None

    def _is_known(self, module: str) -> bool:
        return any(module == known or module.startswith(f"{known}.") for known in self.imports or ())


def _imported(node: ast.Import | ast.ImportFrom) -> list[str]:
    if isinstance(node, ast.Import):
        return [alias.name for alias in node.names]
    return ["." * node.level + (node.module or "")]


class RegularExpression(CodeCheck):
    """The answer is a regular expression that compiles, and matches what it should.

    ``matches`` and ``rejects`` are texts that it must match, or not match, as a whole. Every search has a time limit.

    Source: the syntax of Python's ``re`` with the additions of the package ``regex``.
    """

    name: ClassVar[str] = "regular_expression"
    marks: ClassVar[tuple[str, ...]] = ("regex", "regexp", "re", "text", "txt")
    noun: ClassVar[str] = "a regular expression"
    example = example({"matches": ["A-1001"], "rejects": ["B-1"]}, passes=r"A-\d{4}", fails="A-(\\d{4}")

    matches: list[str] = Field(default=[], description="texts that it must match as a whole")
    rejects: list[str] = Field(default=[], description="texts that it must not match as a whole")

    def parse(self, code: str) -> str | NotCode:
        """Compile and try. Raises CheckError if a search takes too long."""
        pattern = code.strip()
        try:
            compiled = compile_pattern(pattern)
        except SuiteError as error:
            return NotCode(error.message)
        missed = [text for text in self.matches if not search(compiled, text, full=True)]
        if missed:
            return NotCode(f"it does not match {quoted(missed[0])}")
        caught = [text for text in self.rejects if search(compiled, text, full=True)]
        if caught:
            return NotCode(f"it matches {quoted(caught[0])}")
        return f"the regular expression {quoted(pattern)}"
