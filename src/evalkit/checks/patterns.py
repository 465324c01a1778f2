"""Regular expressions of a suite's author, over answers that nobody vouches for: bounded when compiled, timed when searched."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import regex

from evalkit.checks.reading.text import Span, quoted
from evalkit.errors import CheckError, SuiteError

if TYPE_CHECKING:
    from regex import Pattern

MAX_SEARCH_S = 1.0
MAX_EXPANDED = 1_000_000
"""Items of a pattern with its counted repeats written out; compiling takes about 0.25 µs for each."""

_ITEM = re.compile(r"\\.|\[\^?\]?(?:\\.|[^\]\\])*\]|\{(\d+)(?:,\d*)?\}|.", re.DOTALL)


def compile_pattern(pattern: str, *, flags: int = 0) -> Pattern[str]:
    """Compile with the package ``regex``. Raises SuiteError for a mistake, with its position, and for repeats that explode."""
    if expanded(pattern) > MAX_EXPANDED:
        raise SuiteError(
            f"the counted repeats of {quoted(pattern)} are too large", hint="use + or *, or the check length"
        )
    try:
        return regex.compile(pattern, flags)
    except (regex.error, RecursionError, OverflowError, ValueError) as error:
        raise SuiteError(
            f"{quoted(pattern)} is not a regular expression: {error}",
            hint="put a backslash before ( [ { + * ? . | ^ $ that are meant as themselves",
        ) from error


def expanded(pattern: str) -> int:
    """Return about how many items ``pattern`` has once ``{n}`` is written out: ``(ab){3}`` has 6."""
    groups = [0]
    last = 0
    for item in _ITEM.finditer(pattern):
        if item.group() == "(":
            groups.append(0)
            continue
        if item.group() == ")" and len(groups) > 1:
            last = groups.pop()
            groups[-1] += last
        elif item.group(1) is not None:
            times = min(int(item.group(1)[:10]), MAX_EXPANDED + 1)
            groups[-1] += last * max(times - 1, 0)
        else:
            last = 1
            groups[-1] += 1
    return sum(groups)


def search(compiled: Pattern[str], text: str, *, full: bool = False) -> list[Span]:
    """Return where the pattern matches, without overlaps; with ``full`` only if it matches all of the text, blanks around it aside.

    Raises CheckError after a second: neither pass nor fail.
    """
    try:
        if not full:
            return [match.span() for match in compiled.finditer(text, timeout=MAX_SEARCH_S)]
        match = compiled.fullmatch(text.strip(), timeout=MAX_SEARCH_S)
    except TimeoutError as error:
        raise CheckError(f"the pattern {quoted(compiled.pattern)} took longer than {MAX_SEARCH_S:g} s") from error
    blanks = len(text) - len(text.lstrip())
    return [(match.start() + blanks, match.end() + blanks)] if match else []
