"""The one place where hostile text is made safe to show: control, invisible and command characters become visible."""

from __future__ import annotations

import re
import unicodedata

_HIDDEN = re.compile(
    "["
    "\x00-\x08\x0b-\x1f\x7f-\x9f"  # C0 without tab and line feed, DEL, C1
    "\u00ad\u034f\u061c\u180b-\u180f\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff"  # zero-width, bidi, line separators
    # What else Unicode calls ignorable: letters without a shape, variants of a shape but for the two of emoji, notes of notation.
    "\u115f\u1160\u17b4\u17b5\u3164\ufe00-\ufe0d\uffa0\ufff0-\ufffb\U0001bca0-\U0001bca3\U0001d173-\U0001d17a"
    "\ud800-\udfff\ufdd0-\ufdef\ufffe\uffff"  # lone surrogates and noncharacters
    "\U000e0000-\U000e0fff"  # tags and variation selectors that smuggle text
    "]"
)
_COMMAND = re.compile(r"(?<!\S):(?=:)")
_ATTACHMENT = re.compile(r"\[(?=\[(?:ATTACHMENT|PROPERTY)\|)", re.IGNORECASE)
_LINE = 10_000
_NUMBER = re.compile(r"[+-]?\d+(\.\d+)?([eE][+-]?\d+)?", re.ASCII)
_LEGACY_COMMAND = re.compile(r"##(?=(?:vso|teamcity)?\[)", re.IGNORECASE)


def visible(text: str) -> str:
    r"""Return ``text`` with every character that a reader cannot see, or that steers a terminal, written out (``\x1b``, ``\u202e``).

    The line feed and the tab stay. The result can always be encoded as UTF-8.
    """
    if text.isascii() and text.isprintable():
        return text  # most texts of a page, ten times as fast
    return _HIDDEN.sub(_written_out, text)


def clean(text: str, *, limit: int | None = None) -> str:
    """Return ``text`` fit for a terminal or a CI log: :func:`visible`, without tabs, and nothing in it reads as a CI command.

    GitHub reads ``::name::`` at the start of a line and ``##[name]`` anywhere, Azure ``##vso[name]``, TeamCity ``##teamcity[name]``: each is broken with a
    backslash (``::`` after any blank, because the text may be wrapped later). So are ``[[ATTACHMENT|path]]`` and ``[[PROPERTY|…]]``, which
    GitLab and plugins of Jenkins find in the output of JUnit. ``limit`` keeps that many characters of ``text`` and says how many were left out.
    """
    shown = visible(shortened(text, limit)).replace("\t", r"\t")
    return _ATTACHMENT.sub(r"[\\", _LEGACY_COMMAND.sub(r"#\\#", _COMMAND.sub(r"\\:", shown)))


def shortened(text: str, limit: int | None) -> str:
    """Return at most ``limit`` characters of ``text``, followed by how many were left out."""
    if limit is None or len(text) <= limit:
        return text
    return f"{text[:limit]}… ({len(text) - limit:,} more characters)"


def one_line(text: str, *, limit: int = _LINE) -> str:
    """Return :func:`clean` text on one line, runs of white space as one blank: ``limit`` characters, and how many were left out."""
    shown = " ".join(text[: limit * 4].split())
    left_out = max(0, len(shown) - limit) + max(0, len(text) - limit * 4)
    return f"{clean(shown[:limit])}{f'… ({left_out:,} more characters)' if left_out else ''}"


def around(text: str, spans: tuple[tuple[int, int], ...], *, width: int) -> str:
    """Return about ``width`` characters of ``text`` with the first of ``spans`` inside, on one line, with ``…`` where it was cut."""
    start = 0
    if spans and len(text) > width:
        middle = (spans[0][0] + min(spans[0][1], spans[0][0] + width)) // 2
        start = max(0, min(middle - width // 2, len(text) - width))
    head, tail = ("… " if start else ""), (" …" if start + width < len(text) else "")
    return f"{head}{clean(' '.join(text[start : start + width].split()))}{tail}"


def cell(value: object) -> object:
    """Return ``value`` as a cell of CSV. Numbers, truth and None stay as they are; text is :func:`visible`.

    Text that a spreadsheet would run as a formula (after blanks it begins with ``=``, ``+``, ``-``, ``@`` or another form of them, and is no
    number), or that begins with a tab or a line end, gets an apostrophe in front.
    """
    if value is None or isinstance(value, (bool, int, float)):
        return value
    text = str(value)
    return ("'" if _is_formula(text) else "") + visible(text)


def _is_formula(text: str) -> bool:
    first = unicodedata.normalize("NFKC", _HIDDEN.sub("", text[:1000]).lstrip()[:1])
    return text[:1] in {"\t", "\r", "\n"} or (first in {"=", "+", "-", "@"} and not _NUMBER.fullmatch(text))


def _written_out(match: re.Match[str]) -> str:
    character = match.group()
    code = ord(character)
    if character == "\r":
        return r"\r"
    if code < 0x100:
        return f"\\x{code:02x}"
    return f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}"
