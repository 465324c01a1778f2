"""From the benchmark's instruction kinds to evalkit's general checks: one check, as a suite writes it, per instruction."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping


def _relation(relation: str, number: int) -> dict[str, int]:
    return {"max": number - 1} if relation == "less than" else {"min": number}


def _language(code: str) -> dict[str, Any]:
    """The reference asks langdetect, with seeds drawn at random; evalkit asks it with a fixed one."""
    return {"language": {"code": code, "detector": "langdetect"}}


def _postscript(marker: str) -> dict[str, Any]:
    """The reference takes blanks between the letters for granted and looks at every line."""
    patterns = {"P.P.S": r"p\.\s?p\.\s?s", "P.S.": r"p\.\s?s\."}
    return {"regex": {"pattern": patterns.get(marker, re.escape(marker)), "ignore_case": True}}


def _first_word(kwargs: Mapping[str, Any]) -> dict[str, Any]:
    # The reference takes anything but white space and six marks for a part of the word: "Summary:" is not "summary".
    start = {
        "value": kwargs["first_word"],
        "ignore_case": True,
        "beside": ".,?!'\"",
        "trim": "'\"",
        "paragraph": kwargs["nth_paragraph"],
    }
    return {"all_of": [{"length": {"paragraphs": kwargs["num_paragraphs"]}}, {"starts_with": start}]}


def _letters(kwargs: Mapping[str, Any]) -> dict[str, Any]:
    count = _relation(kwargs["let_relation"], kwargs["let_frequency"])
    return {"contains": {"value": kwargs["letter"], "ignore_case": True, "count": count}}


def _keyword(kwargs: Mapping[str, Any]) -> dict[str, Any]:
    count = _relation(kwargs["relation"], kwargs["frequency"])
    return {"contains": {"value": kwargs["keyword"], "ignore_case": True, "count": count}}


def _sections(kwargs: Mapping[str, Any]) -> dict[str, Any]:
    return {"regex": {"pattern": kwargs["section_spliter"] + r"\s?\d+", "count": {"min": kwargs["num_sections"]}}}


CONVERSIONS: dict[str, Callable[[Mapping[str, Any]], Any]] = {
    "change_case:capital_word_frequency": lambda k: {
        "uppercase_words": _relation(k["capital_relation"], k["capital_frequency"])
    },
    "change_case:english_capital": lambda _: {"all_of": [{"case": "upper"}, _language("en")]},
    "change_case:english_lowercase": lambda _: {"all_of": [{"case": "lower"}, _language("en")]},
    "combination:repeat_prompt": lambda k: {"starts_with": {"value": k["prompt_to_repeat"], "ignore_case": True}},
    "combination:two_responses": lambda _: {"parts": {"separator": "******", "equals": 2, "distinct": True}},
    "detectable_content:number_placeholders": lambda k: {
        "regex": {"pattern": r"\[[^\]\n]*\]", "count": {"min": k["num_placeholders"]}}
    },
    "detectable_content:postscript": lambda k: _postscript(k["postscript_marker"]),
    "detectable_format:constrained_response": lambda _: {
        "contains": {"any": ["My answer is yes.", "My answer is no.", "My answer is maybe."]}
    },
    "detectable_format:json_format": lambda _: {"json": {"where": "fence", "repeated_keys": True}},
    "detectable_format:multiple_sections": _sections,
    "detectable_format:number_bullet_lists": lambda k: {"bullets": k["num_bullets"]},
    "detectable_format:number_highlighted_sections": lambda k: {"highlights": {"min": k["num_highlights"]}},
    "detectable_format:title": lambda _: {"regex": r"<<[^\n]*[^\s<>][^\n]*>>"},
    "keywords:existence": lambda k: {"contains": {"all": k["keywords"], "ignore_case": True}},
    "keywords:forbidden_words": lambda k: {
        "not": {"contains": {"any": k["forbidden_words"], "ignore_case": True, "word": True}}
    },
    "keywords:frequency": _keyword,
    "keywords:letter_frequency": _letters,
    "language:response_language": lambda k: _language(k["language"]),
    "length_constraints:nth_paragraph_first_word": _first_word,
    "length_constraints:number_paragraphs": lambda k: {"parts": {"separator": "***", "equals": k["num_paragraphs"]}},
    "length_constraints:number_sentences": lambda k: {
        "length": {"sentences": _relation(k["relation"], k["num_sentences"])}
    },
    # The reference counts runs of word characters, so that "well-known" is two words; `length` says one.
    "length_constraints:number_words": lambda k: {
        "regex": {"pattern": r"\w+", "count": _relation(k["relation"], k["num_words"])}
    },
    "punctuation:no_comma": lambda _: {"not": {"contains": ","}},
    "startend:end_checker": lambda k: {"ends_with": {"value": k["end_phrase"], "ignore_case": True, "trim": '"'}},
    "startend:quotation": lambda _: {
        "all_of": [{"length": {"chars": {"min": 2}}}, {"starts_with": '"'}, {"ends_with": '"'}]
    },
}
"""How each of the 25 instruction kinds is said with checks that know nothing of this benchmark."""


def checks_of(row: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Return one check per instruction of a row, in the row's order. Raises KeyError for an unknown instruction kind."""
    return [CONVERSIONS[instruction["id"]](instruction["kwargs"]) for instruction in row["instructions"]]
