"""Finding personal data in a text, and taking it out: e-mail, phone, IBAN, card, national identity numbers, IP address.

Patterns propose, code confirms (mod 97, Luhn, lengths, ranges), and the words before a number decide what neither can
know: an order number is no phone number. Patterns, sources and word lists are in ``data/personal.toml``.
"""

from __future__ import annotations

import ipaddress
from itertools import combinations_with_replacement
from typing import TYPE_CHECKING, Any

from evalkit.checks.safety.found import Found, compiled, load_data, mask_tail, scan, without_overlaps
from evalkit.checks.safety.ids import find_national
from evalkit.errors import CheckError

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator

    from evalkit.model.cases import PersonalKind

_BEFORE = 48
"""Characters before a number in which a word may say what it is."""

_CURRENCY = ("€", "$", "£", "¥", "%", "EUR", "USD", "GBP", "CHF")
_ANY_EMAIL = r"[\w.%+-]{1,64}@[\w-]{1,63}(?:\.[\w-]{1,63}){1,8}"
"""Also in a link, and of a machine: what is stored is judged more severely than an answer."""


def find_personal(text: str) -> list[Found]:
    """Return every piece of personal data by position. Kinds that prove themselves (checksums) win over those that do not."""
    return without_overlaps([
        *_ibans(text),
        *_cards(text),
        *_emails(text),
        *_ssns(text),
        *find_national(text, _is_reference),
        *_ips(text),
        *_phones(text),
    ])


def without_personal(text: str, kinds: Collection[PersonalKind]) -> str:
    """Return ``text`` with ``[REDACTED:email]`` and the like in place of personal data of these ``kinds``; the same object if there is none.

    A text that cannot be searched within the time limit is replaced as a whole.
    """
    try:
        found = [item for item in find_personal(text) if item.kind in kinds]
    except CheckError:
        return "[REDACTED:text that could not be searched]"
    for item in reversed(found):
        text = f"{text[: item.start]}[REDACTED:{item.kind}]{text[item.end :]}"
    if "email" in kinds and "@" in text:
        text = compiled(_ANY_EMAIL).sub("[REDACTED:email]", text)
    return text


def same_value(value: str) -> str:
    """Return the form in which two writings of one value are equal: no blanks or punctuation around digits, no case."""
    folded = value.strip().casefold()
    return folded if "@" in folded else "".join(char for char in folded if char.isalnum())


def luhn(digits: str) -> bool:
    """Return whether a digit string ends in its Luhn check digit (ISO/IEC 7812-1, annex B)."""
    doubled = [sum(divmod(2 * int(digit), 10)) for digit in digits[-2::-2]]
    return (sum(doubled) + sum(int(digit) for digit in digits[-1::-2])) % 10 == 0


def iban_holds(iban: str) -> bool:
    """Return whether a compact upper-case IBAN has remainder 1 modulo 97 (ISO 13616-1: letters count from A = 10)."""
    moved = iban[4:] + iban[:4]
    return int("".join(str(int(char, 36)) for char in moved)) % 97 == 1


def _matches(kind: str, key: str, text: str) -> Iterator[Any]:
    yield from scan(compiled(load_data("personal")[kind][key]), text)


def _said(kind: str, key: str, text: str, start: int) -> bool:
    """Whether the words right before ``start`` match a word list."""
    pattern = compiled(load_data("personal")[kind][key], ignore_case=True)
    return any(True for _ in scan(pattern, text[max(0, start - _BEFORE) : start]))


def _is_reference(text: str, start: int) -> bool:
    return _said("reference", "pattern", text, start)


def _digits(text: str) -> str:
    return "".join(char for char in text if char in "0123456789")


def _emails(text: str) -> Iterator[Found]:
    if "@" not in text and not compiled(r"[\[(]\s?(?:at|AT)\s?[\])]").search(text):
        return
    table = load_data("personal")["email"]
    for match in _matches("email", "pattern", text):
        name = match[0].partition("@")[0]
        in_url = "://" in text[max(0, match.start() - 80) : match.start()].rpartition(" ")[2]
        if in_url or name in table["machine_names"] or match[0].rpartition(".")[2].lower() in table["file_endings"]:
            continue
        yield Found("email", match.start(), match.end(), _masked_email(match[0]))


def _masked_email(value: str) -> str:
    name, at, domain = value.partition("@")
    if not at:
        return f"{value[:2]}***"
    return f"{name[: 2 if len(name) > 2 else 1]}***@{domain}"


def _ibans(text: str) -> Iterator[Found]:
    lengths = load_data("personal")["iban"]["lengths"]
    for match in _matches("iban", "pattern", text):
        length = lengths.get(match[0][:2].upper())
        end = _end_of(text, match.start(), length) if length else None
        if end is None or text[end : end + 1].isalnum():
            continue
        compact = "".join(char for char in text[match.start() : end] if char.isalnum()).upper()
        if iban_holds(compact):
            yield Found("iban", match.start(), end, f"{compact[:2]}{mask_tail(compact, keep=2)}")


def _end_of(text: str, start: int, count: int) -> int | None:
    """Return the position after the ``count``-th letter or digit from ``start``, blanks and hyphens skipped."""
    for place in range(start, min(len(text), start + 2 * count)):
        char = text[place]
        if char.isascii() and char.isalnum():
            count -= 1
            if count == 0:
                return place + 1
        elif char not in " -":
            return None
    return None


def _cards(text: str) -> Iterator[Found]:
    for match in _matches("card", "pattern", text):
        groups = [found.span() for found in compiled(r"\d+").finditer(match[0])]
        for first, last in combinations_with_replacement(range(len(groups)), 2):
            start, end = match.start() + groups[first][0], match.start() + groups[last][1]
            digits = _digits(text[start:end])
            if _issued(digits) and luhn(digits) and not _is_reference(text, start):
                yield Found("card", start, end, mask_tail(digits, keep=4))


def _issued(digits: str) -> bool:
    return any(
        len(digits) in issuer["lengths"] and compiled(issuer["prefix"]).match(digits)
        for issuer in load_data("personal")["card"]["issuers"]
    )


def _ssns(text: str) -> Iterator[Found]:
    for match in _matches("ssn", "pattern", text):
        named = _said("ssn", "says_ssn", text, match.start())
        if named or (match[1] == "-" and not _is_reference(text, match.start())):
            yield Found("ssn", match.start(), match.end(), mask_tail(match[0], keep=3))


def _ips(text: str) -> Iterator[Found]:
    for key in ("v4", "v6"):
        for match in _matches("ip", key, text):
            if _is_somebody(match[0]) and not _said("ip", "says_version", text, match.start()):
                yield Found("ip", match.start(), match.end(), mask_tail(match[0], keep=1))


def _is_somebody(text: str) -> bool:
    try:
        address = ipaddress.ip_address(text)
    except ValueError:
        return False
    networks = (ipaddress.ip_network(network) for network in load_data("personal")["ip"]["nobody"])
    return not any(address in network for network in networks)


def _phones(text: str) -> Iterator[Found]:
    for key in ("international", "north_american", "trunk_zero", "bare"):
        for match in _matches("phone", key, text):
            if _is_phone(key, match, text):
                yield Found("phone", match.start(), match.end(), mask_tail(match[0], keep=2))


def _is_phone(key: str, match: Any, text: str) -> bool:  # noqa: ANN401 - regex ships no types
    value, start = match[0], match.start()
    digits = _digits(value)
    if compiled(load_data("personal")["phone"]["date"]).match(value) or _is_money(text, start, match.end()):
        return False
    if _is_reference(text, start):
        return False
    if key == "bare":
        return 7 <= len(digits) <= 15 and _said("phone", "says_phone", text, start)
    if key == "trunk_zero":
        return 9 <= len(digits) <= 12
    if key == "international":
        return _is_international(digits.removeprefix("00"), grouped=len(digits) != len(value.lstrip("+ ")))
    return True


def _is_international(digits: str, *, grouped: bool) -> bool:
    if digits.startswith("1"):
        return len(digits) == 11
    return (8 if grouped else 10) <= len(digits) <= 15


def _is_money(text: str, start: int, end: int) -> bool:
    before, after = text[max(0, start - 5) : start].rstrip(), text[end : end + 5].lstrip()
    return before.endswith(_CURRENCY) or after.startswith(_CURRENCY)
