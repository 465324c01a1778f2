"""The safety family: no mistake on the labelled texts, nothing printed that must stay secret, no hostile text that stalls."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from evalkit.checks.base import BuildContext, CheckContext
from evalkit.checks.build import build_check
from evalkit.checks.safety.found import load_data
from evalkit.checks.safety.pii import find_personal, iban_holds, luhn
from evalkit.checks.safety.refusal import find_refusal
from evalkit.checks.safety.secrets import find_secrets
from evalkit.checks.safety.terms import fold
from evalkit.errors import SuiteError, Where
from evalkit.model.calls import Message, Request, Response
from evalkit.model.cases import CheckSpec

if TYPE_CHECKING:
    from evalkit.model.results import Verdict

DATA = Path(__file__).parent / "data"


def labelled(name: str) -> list[dict[str, Any]]:
    """The labelled texts; ``{+}`` keeps invented keys from looking like real ones to scanners of this repository."""
    rows: list[dict[str, Any]] = json.loads((DATA / f"{name}.json").read_text(encoding="utf-8").replace("{+}", ""))
    return rows


def shown(row: dict[str, Any]) -> str:
    return row["text"][:40].encode("ascii", "backslashreplace").decode()


def build(name: str, params: Any = None, files: dict[str, Any] | None = None) -> Any:
    context = BuildContext(read_json=(files or {}).__getitem__, load_python=None, endpoint=None)
    return build_check(CheckSpec(name=name, params=params, where=Where("suites/a.yaml", 7)), context)


def judge(name: str, text: str, params: Any = None, *, system: str | None = None, **response: Any) -> Verdict:
    messages = ((Message("system", system),) if system is not None else ()) + (Message("user", "Hello"),)
    ctx = CheckContext(
        text=text,
        response=Response(text=text, **response),
        request=Request(model="scripted/x", messages=messages),
    )
    return build(name, params).judge(ctx, ())


@pytest.mark.parametrize("row", labelled("personal"), ids=shown)
def test_personal_data_is_found_and_nothing_else_is(row: dict[str, Any]) -> None:
    """Each labelled text yields exactly its kinds, in order."""
    assert [found.kind for found in find_personal(row["text"])] == row["kinds"]


@pytest.mark.parametrize("row", labelled("secrets"), ids=shown)
def test_credentials_are_found_and_placeholders_are_not(row: dict[str, Any]) -> None:
    """Each labelled text yields exactly its kinds, in order."""
    assert [found.kind for found in find_secrets(row["text"])] == row["kinds"]


def test_every_kind_of_credential_has_a_labelled_text() -> None:
    """A pattern nobody has seen match is no pattern."""
    seen = {kind for row in labelled("secrets") for kind in row["kinds"]}
    assert seen >= {row["kind"] for row in load_data("secrets")["secret"]} - {"OpenRouter key"}


@pytest.mark.parametrize("row", labelled("refusals"), ids=shown)
def test_refusals_are_told_from_answers(row: dict[str, Any]) -> None:
    """Refusals in four languages are seen; thanks, policies, quotations and questions are not."""
    assert (find_refusal(row["text"]) is not None) == row["refuses"]


@pytest.mark.parametrize("row", [r for r in labelled("personal") if r["kinds"]], ids=shown)
def test_a_reason_never_gives_personal_data_away(row: dict[str, Any]) -> None:
    """The value that the spans mark is not in the reason."""
    verdict = judge("pii", row["text"])
    assert verdict.status == "fail"
    assert len(verdict.spans) == len(row["kinds"])
    for start, end in verdict.spans:
        assert row["text"][start:end] not in verdict.reason


@pytest.mark.parametrize("row", [r for r in labelled("secrets") if r["kinds"]], ids=shown)
def test_a_reason_never_gives_a_credential_away(row: dict[str, Any]) -> None:
    """Not a quarter of what is marked is in the reason."""
    verdict = judge("secrets", row["text"])
    assert verdict.status == "fail"
    for start, end in verdict.spans:
        value = row["text"][start:end]
        window = len(value) // 2
        assert not any(value[i : i + window] in verdict.reason for i in range(len(value) - window + 1))


def test_an_email_keeps_its_domain_and_two_letters() -> None:
    """The reader can tell which address it was without reading it."""
    assert "an***@example.com" in judge("pii", "Write to ana@example.com").reason


def test_allowed_kinds_and_values_may_appear() -> None:
    """``allow`` lets a kind pass, ``allow_values`` one value, whatever its blanks and case; others still fail."""
    text = "Write to help@shop.example or call +49 30 1234567."
    assert judge("pii", text, {"allow": ["email", "phone"]}).status == "pass"
    assert judge("pii", text, {"allow": ["email"]}).status == "fail"
    assert judge("pii", text, {"allow_values": ["Help@Shop.example", "+49301234567"]}).status == "pass"
    assert judge("pii", text, {"kinds": ["iban"]}).status == "pass"
    assert judge("pii", text, {"allow_values": ["ana@shop.example"], "allow": ["phone"]}).status == "fail"


def test_an_unknown_kind_is_refused_with_its_line() -> None:
    """A misspelt kind is a mistake in the suite, not a check that finds nothing."""
    with pytest.raises(SuiteError, match=r"suites/a\.yaml:7"):
        build("pii", {"allow": ["mail"]})


@settings(deadline=None)
@given(st.text("0123456789", min_size=8, max_size=18))
def test_luhn_catches_every_single_wrong_digit(digits: str) -> None:
    """One check digit completes a number, and changing any one digit breaks it."""
    valid = [digits + last for last in "0123456789" if luhn(digits + last)]
    assert len(valid) == 1
    for place, digit in enumerate(valid[0]):
        changed = valid[0][:place] + str((int(digit) + 1) % 10) + valid[0][place + 1 :]
        assert not luhn(changed)


def test_iban_check_digits_are_verified() -> None:
    """The registry's example holds, its neighbours do not."""
    assert iban_holds("DE89370400440532013000")
    assert not iban_holds("DE88370400440532013000")
    assert not iban_holds("DE89370400440532013001")


HOSTILE = [
    *(
        "a@",
        "+1",
        "1 ",
        "4",
        "4111 ",
        "DE89 ",
        "0171/1",
        "1.1.1.1",
        "2001:",
        "call 1",
        "a.b@c.",
        "(0",
        "[at]",
        "A1",
        "a",
    ),
    *(
        "sk-",
        "sk-proj-",
        "eyJ.",
        " eyJaaaaaaaaa.eyJaaaaaaaaaa",
        "api_key",
        "a_key",
        "-----BEGIN PRIVATE KEY-----",
        "://",
    ),
    *(
        "a://:",
        "authorization: ",
        "bearer ",
        " ",
        "\n",
        "I'm sorry, but ",
        "no, ",
        "while ",
        "kann ich ",
        "![a](",
        "<a href=",
    ),
    *("[a]:", "\u0301", "a\u0336", "\u200b", "\ud800"),
]


@pytest.mark.parametrize("unit", HOSTILE, ids=ascii)
def test_hostile_text_is_searched_to_the_end(unit: str) -> None:
    """100,000 hostile characters never run into the timeout of a pattern (which would be the verdict ``error``)."""
    text = (unit * 100_000)[:100_000]
    for name, params in (("pii", None), ("secrets", None), ("refusal", None), ("blocked_terms", ["a b", "sorry but"])):
        assert judge(name, text, params).status != "error"


@settings(deadline=None)
@given(st.text())
def test_any_text_can_be_judged(text: str) -> None:
    """Surrogates, controls and any script: a verdict, never a crash, and spans that lie inside the text."""
    for name, params in (("pii", None), ("secrets", None), ("refusal", None), ("blocked_terms", ["a", "ß"])):
        for start, end in judge(name, text, params).spans:
            assert 0 <= start < end <= len(text)


def test_what_the_provider_says_counts_first() -> None:
    """A refusal field or a filtered answer is a refusal, whatever the text."""
    assert judge("refusal", "", refusal="I can't.").status == "fail"
    assert judge("refusal", "Here you are", finish="filtered").status == "fail"
    assert judge("refusal", "", finish="refusal").status == "fail"
    assert judge("refusal", "", {"expect": "expected"}, refusal="").status == "pass"
    assert judge("refusal", "Here you are").status == "pass"


def test_an_expected_refusal_must_come() -> None:
    """``expected`` turns the check round, and says what the answer did."""
    refusing, helping = "I'm sorry, but I can't help with that.", "First, open the lock."
    assert judge("refusal", refusing, "expected").status == "pass"
    verdict = judge("refusal", helping, "expected")
    assert (verdict.status, verdict.reason) == ("fail", "the answer does not refuse")
    assert judge("refusal", refusing, "never").spans == ((15, 32),)
    with pytest.raises(SuiteError, match="expected one of|never"):
        build("refusal", "always")


def test_blocked_terms_are_whole_words_in_any_spelling() -> None:
    """Case, width, blanks, invisible characters, strike-through and look-alikes do not hide a term; other words do not match."""
    hidden = [
        "GUARANTEED",
        "ｇｕａｒａｎｔｅｅｄ",
        "guar\u200banteed",
        "guar\u00adanteed",
        "guаrаntееd",
        "g̶uaranteed",
        "RISK\n FREE",
    ]
    for spelling in hidden:
        verdict = judge("blocked_terms", f"It is {spelling}!", ["guaranteed", "risk free"])
        assert verdict.status == "fail", spelling
        assert [f"It is {spelling}!"[slice(*span)] for span in verdict.spans] == [spelling]
    for other in ("unguaranteed", "guaranteedly", "guarantee", "risk-averse and free"):
        assert judge("blocked_terms", other, ["guaranteed", "risk free"]).status == "pass", other
    assert judge("blocked_terms", "unguaranteed", {"terms": "guaranteed", "whole_words": False}).status == "fail"


def test_terms_of_other_scripts_are_found() -> None:
    """A Cyrillic term meets Cyrillic text in either case, and scripts without blanks need no word boundary."""
    assert judge("blocked_terms", "Он ВОР!", "вор").status == "fail"
    assert judge("blocked_terms", "повтор", "вор").status == "pass"
    assert judge("blocked_terms", "これは保証されます", "保証").status == "fail"
    assert judge("blocked_terms", "STRASSE", "straße").status == "fail"
    assert judge("blocked_terms", "Cafe\u0301 crème", "café").status == "fail"


def test_terms_come_from_a_file_too() -> None:
    """``file`` adds its terms; anything but a list of terms is a mistake with its place."""
    ctx = CheckContext(text="so cheap", response=Response("so cheap"), request=Request("scripted/x", ()))
    built = build("blocked_terms", {"terms": "free", "file": "t.json"}, {"t.json": ["cheap"]})
    assert built.judge(ctx, ()).reason == "found 'cheap'"
    for wrong in ({"a": 1}, [], [1], ["\u200b"]):
        with pytest.raises(SuiteError, match=r"t\.json"):
            build("blocked_terms", {"file": "t.json"}, {"t.json": wrong})
    for wrong in (None, {"terms": []}, "", "\u200b"):
        with pytest.raises(SuiteError):
            build("blocked_terms", wrong)


@settings(deadline=None)
@given(st.text(max_size=40))
def test_folding_keeps_its_place(text: str) -> None:
    """Every folded character points at a non-empty piece of the source, in order; folding again changes nothing."""
    folded = fold(text, lookalikes=True)
    assert len(folded.text) == len(folded.starts) == len(folded.ends)
    assert all(start < end for start, end in zip(folded.starts, folded.ends, strict=True))
    assert list(folded.starts) == sorted(folded.starts)
