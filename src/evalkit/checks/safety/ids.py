"""Finding national identity numbers: a pattern proposes, the country's check digits or a word before the number confirm.

Patterns, words and sources are in ``data/national.toml``; a row whose form proves little needs its word.
"""

from __future__ import annotations

import re
from datetime import date
from typing import TYPE_CHECKING, Any

from evalkit.checks.safety.found import Found, compiled, load_data, mask_tail, scan

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

_DIGIT = re.compile(r"\d")
_FEWEST = 5
"""Digits that the shortest number has: an Italian tax code, and a passport number."""
_BEFORE = 60
"""Characters before a number in which its name may stand."""

_CONTROL = "TRWAGMYFPDXBNJZSQVHLCKE"
_HETU = "0123456789ABCDEFHJKLMNPRSTUVWXY"
_ODD = dict(
    zip(
        "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ",
        [
            1,
            0,
            5,
            7,
            9,
            13,
            15,
            17,
            19,
            21,
            1,
            0,
            5,
            7,
            9,
            13,
            15,
            17,
            19,
            21,
            2,
            4,
            18,
            20,
            11,
            3,
            6,
            8,
            12,
            14,
            16,
            10,
            22,
            25,
            24,
            23,
        ],
        strict=True,
    )
)


def find_national(text: str, reference: Callable[[str, int], bool]) -> Iterator[Found]:
    """Yield every identity number; ``reference(text, start)`` says whether the words before call it an order number or the like."""
    if len(_DIGIT.findall(text)) < _FEWEST:
        return
    lowered = text.casefold()
    for row in load_data("national")["id"]:
        named = "says" not in row or any(word in lowered for word in row["words"])
        if named and ("hint" not in row or compiled(row["hint"]).search(text)):
            yield from _of_kind(row, text, reference)


def _of_kind(row: Mapping[str, Any], text: str, reference: Callable[[str, int], bool]) -> Iterator[Found]:
    for match in scan(compiled(row["pattern"]), text):
        if not holds(row["check"], match[0]):
            continue
        said = "says" in row and _said(row["says"], text, match.start())
        if said or ("says" not in row and not reference(text, match.start())):
            yield Found("national_id", match.start(), match.end(), f"({row['kind']}) {mask_tail(match[0], keep=2)}")


def _said(pattern: str, text: str, start: int) -> bool:
    before = text[max(0, start - _BEFORE) : start]
    return any(True for _ in scan(compiled(rf"(?:{pattern})[^\d\n]{{0,32}}$", ignore_case=True), before))


def holds(check: str, value: str) -> bool:
    """Return whether the compact ``value`` ends in the check digits that ``check`` names (see :data:`CHECK_DIGITS`)."""
    compact = "".join(char for char in value.upper() if char.isalnum())
    return CHECK_DIGITS[check](compact)


def _weighted(digits: str, weights: Sequence[int]) -> int:
    return sum(int(digit) * weight for digit, weight in zip(digits, weights, strict=True))


def _dated(year: str, month: str, day: str) -> bool:
    try:
        date(2000 + int(year) % 100 if len(year) == 2 else int(year), int(month), int(day))
    except ValueError:
        return False
    return True


def _luhn(digits: str) -> bool:
    doubled = [sum(divmod(2 * int(digit), 10)) for digit in digits[-2::-2]]
    return (sum(doubled) + sum(int(digit) for digit in digits[-1::-2])) % 10 == 0


def _dni(value: str) -> bool:
    number = value[:-1].translate(str.maketrans("XYZ", "012"))
    return _CONTROL[int(number) % 23] == value[-1]


def _codice_fiscale(value: str) -> bool:
    even = sum(int(char) if char.isdigit() else ord(char) - 65 for char in value[1:15:2])
    return chr(65 + (even + sum(_ODD[char] for char in value[0:15:2])) % 26) == value[15]


def _nir(value: str) -> bool:
    number = value[:13].replace("2A", "19").replace("2B", "18")
    return 97 - int(number) % 97 == int(value[13:])


def _pesel(value: str) -> bool:
    month = str(int(value[2:4]) % 20)
    return _weighted(value, (1, 3, 7, 9, 1, 3, 7, 9, 1, 3, 1)) % 10 == 0 and _dated("00", month, value[4:6])


def _cpf(value: str) -> bool:
    if len(set(value)) == 1:
        return False
    first = 11 - _weighted(value[:9], range(10, 1, -1)) % 11
    second = 11 - _weighted(value[:10], range(11, 1, -1)) % 11
    return value[9:] == f"{first % 11 % 10}{second % 11 % 10}"


def _bsn(value: str) -> bool:
    return _weighted(value, (9, 8, 7, 6, 5, 4, 3, 2, -1)) % 11 == 0 and int(value) > 0


def _nhs(value: str) -> bool:
    return _weighted(value, (10, 9, 8, 7, 6, 5, 4, 3, 2, 1)) % 11 == 0


def _iso_11_10(value: str) -> bool:
    """ISO 7064, mod 11,10: the German tax identification number."""
    product = 10
    for digit in value[:-1]:
        product = ((int(digit) + product) % 10 or 10) * 2 % 11
    return (11 - product) % 10 == int(value[-1])


def _personnummer(value: str) -> bool:
    short = value[-10:]
    return _luhn(short) and _dated(short[:2], short[2:4], str(int(short[4:6]) % 60))


def _hetu(value: str) -> bool:
    return _HETU[int(value[:6] + value[-4:-1]) % 31] == value[-1] and _dated(value[4:6], value[2:4], value[:2])


def _fodselsnummer(value: str) -> bool:
    first = _weighted(value[:10], (3, 7, 6, 1, 8, 9, 4, 5, 2, 1))
    second = _weighted(value, (5, 4, 3, 2, 7, 6, 5, 4, 3, 2, 1))
    return first % 11 == 0 and second % 11 == 0 and _dated(value[4:6], value[2:4], str(int(value[:2]) % 40))


def _rijksregister(value: str) -> bool:
    return any(97 - int(century + value[:9]) % 97 == int(value[9:]) for century in ("", "2"))


def _ean(value: str) -> bool:
    return sum(int(digit) * (3 if at % 2 else 1) for at, digit in enumerate(value)) % 10 == 0


def _nif(value: str) -> bool:
    return (11 - _weighted(value[:8], range(9, 1, -1)) % 11) % 11 % 10 == int(value[8])


def _verhoeff(value: str) -> bool:
    check = 0
    for at, digit in enumerate(reversed(value)):
        check = _product(check, _permuted(int(digit), at % 8))
    return check == 0


def _product(a: int, b: int) -> int:
    """Multiply in the dihedral group of the pentagon (Verhoeff 1969)."""
    turn = (a + b) % 5 if a < 5 else (a - b) % 5
    return turn + (5 if (a < 5) != (b < 5) else 0)


def _permuted(digit: int, times: int) -> int:
    for _ in range(times):
        digit = (1, 5, 7, 6, 2, 8, 3, 0, 9, 4)[digit]
    return digit


def _resident(value: str) -> bool:
    """ISO 7064, mod 11-2: the Chinese resident identity number."""
    total = sum(int(digit) * pow(2, 17 - at, 11) for at, digit in enumerate(value[:17]))
    return "10X98765432"[total % 11] == value[17] and _dated(value[6:10], value[10:12], value[12:14])


def _rrn(value: str) -> bool:
    return _dated(value[:2], value[2:4], value[4:6])


def _curp(value: str) -> bool:
    return _dated(value[4:6], value[6:8], value[8:10])


def _rut(value: str) -> bool:
    total = sum(int(digit) * (2 + at % 6) for at, digit in enumerate(reversed(value[:-1])))
    return "0K987654321"[total % 11] == value[-1]


def _tfn(value: str) -> bool:
    return _weighted(value, (1, 4, 3, 7, 5, 8, 6, 9, 10)) % 11 == 0


def _south_african(value: str) -> bool:
    return _luhn(value) and _dated(value[:2], value[2:4], value[4:6])


def _kimlik(value: str) -> bool:
    odd, even = sum(map(int, value[0:9:2])), sum(map(int, value[1:8:2]))
    return (odd * 7 - even) % 10 == int(value[9]) and sum(map(int, value[:10])) % 10 == int(value[10])


def _pps(value: str) -> bool:
    extra = 9 * (ord(value[8]) - 64) if len(value) > 8 and value[8] != "W" else 0
    return "WABCDEFGHIJKLMNOPQRSTUV"[(_weighted(value[:7], range(8, 1, -1)) + extra) % 23] == value[7]


def _rodne(value: str) -> bool:
    month = int(value[2:4]) % 50 % 20
    return int(value) % 11 == 0 and _dated(value[:2], str(month), value[4:6])


def _nric(value: str) -> bool:
    total = _weighted(value[1:8], (2, 7, 6, 5, 4, 3, 2)) + {"T": 4, "G": 4, "M": 3}.get(value[0], 0)
    letters = {"S": "JZIHGFEDCBA", "T": "JZIHGFEDCBA", "F": "XWUTRQPNMLK", "G": "XWUTRQPNMLK", "M": "XWUTRQPNJLK"}
    return letters[value[0]][total % 11] == value[8]


def _any(value: str) -> bool:
    return sum(char.isdigit() for char in value) >= 5


CHECK_DIGITS: Mapping[str, Callable[[str], bool]] = {
    "luhn": _luhn,
    "dni": _dni,
    "codice fiscale": _codice_fiscale,
    "nir": _nir,
    "pesel": _pesel,
    "cpf": _cpf,
    "bsn": _bsn,
    "nhs": _nhs,
    "mod 11,10": _iso_11_10,
    "personnummer": _personnummer,
    "hetu": _hetu,
    "fodselsnummer": _fodselsnummer,
    "rijksregister": _rijksregister,
    "ean": _ean,
    "nif": _nif,
    "verhoeff": _verhoeff,
    "mod 11-2": _resident,
    "rrn": _rrn,
    "curp": _curp,
    "rut": _rut,
    "tfn": _tfn,
    "south african": _south_african,
    "kimlik": _kimlik,
    "pps": _pps,
    "rodne": _rodne,
    "nric": _nric,
    "none": _any,
}
"""The check digits by the name that a row of ``national.toml`` gives; each takes the letters and digits only, in upper case."""
