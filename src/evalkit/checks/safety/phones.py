"""National phone numbers of chosen countries, by the package ``phonenumbers`` (the extra ``safety``)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from evalkit.checks.safety.found import Found, mask_tail
from evalkit.errors import CheckError, MissingExtraError, SuiteError, did_you_mean

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

MAX_CHARS = 200_000
"""The package needs up to a millisecond for 1,000 characters."""


def require_regions(regions: Sequence[str]) -> None:
    """Raise MissingExtraError without the package, and SuiteError for a code that names no country."""
    try:
        import phonenumbers
    except ImportError as error:
        raise MissingExtraError("pii with regions", package="phonenumbers", extra="safety") from error
    for region in regions:
        if region not in phonenumbers.SUPPORTED_REGIONS:
            hint = did_you_mean(region, phonenumbers.SUPPORTED_REGIONS)
            raise SuiteError(f"{region!r} is no country code (ISO 3166, such as DE)", hint=hint)


def find_phones(text: str, regions: Sequence[str]) -> Iterator[Found]:
    """Yield the valid numbers written as in one of the countries. Raises CheckError for a text that would take minutes."""
    from phonenumbers import Leniency, PhoneNumberMatcher

    if len(text) > MAX_CHARS:
        raise CheckError(f"the answer has {len(text):,} characters; with regions at most {MAX_CHARS:,} are searched")
    for region in regions:
        for match in PhoneNumberMatcher(text, region, leniency=Leniency.VALID):
            yield Found("phone", match.start, match.end, mask_tail(match.raw_string, keep=2))
