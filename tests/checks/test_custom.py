"""One's own checks: a Python function with types becomes a check with strict parameters."""

from __future__ import annotations

from datetime import date  # noqa: TC003 - @check reads annotations
from decimal import Decimal
from typing import Literal

import pytest

from evalkit.checks.base import CheckContext  # noqa: TC001 - @check reads annotations
from evalkit.checks.catalog import CHECKS, describe, editor_schemas
from evalkit.checks.custom import check
from evalkit.errors import ConfigError, SuiteError
from evalkit.model.calls import Response  # noqa: TC001 - @check reads annotations
from evalkit.model.results import Verdict

pytestmark = pytest.mark.usefixtures("own_checks")


def test_a_function_becomes_a_check_of_a_suite(judge):
    """Keyword-only parameters are the YAML parameters; one alone is also the short form."""

    @check("mentions_price")
    def mentions_price(answer: str, *, currency: str = "EUR") -> tuple[bool, str]:
        """The answer names a price."""
        return currency in answer, f"looked for {currency}"

    assert judge("mentions_price", "5 EUR").status == "pass"
    assert judge({"mentions_price": "USD"}, "5 EUR").status == "fail"
    assert judge({"mentions_price": {"currency": "USD"}}, "5 EUR").reason == "looked for USD"
    assert judge({"not": "mentions_price"}, "five").status == "pass"
    description = describe("mentions_price")
    assert (description.summary, description.family) == ("The answer names a price.", "custom")
    assert editor_schemas()["mentions_price"]["short"] == {"type": "string", "default": "EUR"}
    assert mentions_price("5 EUR") == (True, "looked for EUR"), "the function stays a function"


def test_the_first_parameter_decides_what_a_check_sees(judge):
    """Text, response or the whole context, by annotation."""

    @check("sees_text")
    def sees_text(answer: str) -> bool:
        return answer == "hi"

    @check("sees_response")
    def sees_response(response: Response) -> bool:
        return response.finish == "length"

    @check("sees_context")
    def sees_context(ctx: CheckContext) -> Verdict:
        held = ctx.expect["name"] in ctx.text
        return Verdict("any name", "safety", "pass" if held else "fail", "read the context")

    assert judge("sees_text", "hi").status == "pass"
    assert judge("sees_response", {"text": "", "finish": "length"}).status == "pass"
    verdict = judge("sees_context", "Dear Ana", expect={"name": "Ana"})
    assert (verdict.status, verdict.check, verdict.line) == ("pass", "sees_context", 1)


def test_parameters_are_strict(build):
    """What a suite gives must have the annotated type, as for built-in checks."""

    @check("limited")
    def limited(answer: str, *, limit: int, mode: Literal["a", "b"] = "a") -> bool:
        return len(answer) < limit

    for params, message in (
        ({"limit": "5"}, "limit is text ('5'), expected a whole number"),
        ({}, "needs the parameter 'limit'"),
        ({"limit": 5, "mode": "c"}, "expected one of a, b"),
        ({"limit": 5, "lmit": 6}, "did you mean 'limit'"),
    ):
        with pytest.raises(SuiteError) as caught:
            build({"limited": params})
        assert message in str(caught.value)


def test_types_that_yaml_does_not_have_are_written_as_text_or_list(judge):
    """A date is written as text, a tuple as a list; nothing else is converted."""

    @check("dated")
    def dated(answer: str, *, on: date, pair: tuple[int, int] = (0, 0)) -> tuple[bool, str]:
        return answer == on.isoformat(), str(pair)

    verdict = judge({"dated": {"on": "2026-11-21", "pair": [1, 2]}}, "2026-11-21")
    assert (verdict.status, verdict.reason) == ("pass", "(1, 2)")


def test_what_is_no_verdict_is_an_error(judge):
    """A function that forgets to return does not pass."""

    @check("forgets")
    def forgets(answer: str) -> bool:
        return None

    verdict = judge("forgets", "x")
    assert verdict.status == "error"
    assert "forgets returned None" in verdict.reason


@pytest.mark.parametrize(
    ("made", "told"),
    [
        (Verdict("odd", "custom", "failed", "no"), "the status 'failed'"),  # type: ignore[arg-type]
        (Verdict("odd", "mine", "pass", "ok"), "the family 'mine'"),  # type: ignore[arg-type]
        (Verdict("odd", "custom", "pass", "ok", score=Decimal("0.5")), "the score Decimal"),  # type: ignore[arg-type]
        (Verdict("odd", "custom", "pass", "ok", score=float("nan")), "the score nan"),
        (Verdict("odd", "custom", "fail", None), "no text"),  # type: ignore[arg-type]
        (Verdict("odd", "custom", "fail", "no", spans=((0.5, 1),)), "spans"),  # type: ignore[arg-type]
        (Verdict("odd", "custom", "fail", "no", spans=(1, 2)), "spans"),  # type: ignore[arg-type]
    ],
)
def test_a_verdict_that_cannot_be_counted_or_stored_is_an_error(judge, made, told):
    """A misspelt status is no pass, and a value that JSON has not must not end the journal of a run whose answers are paid."""

    @check("odd")
    def odd(answer: str) -> Verdict:
        return made

    verdict = judge("odd", "hello")
    assert verdict.status == "error"
    assert told in verdict.reason


def _positional(answer: str, limit: int) -> bool:
    return True


def _untyped(answer: str, *, limit=3) -> bool:
    return True


def _unannotated(answer) -> bool:
    return True


def _nothing() -> bool:
    return True


async def _waits(answer: str) -> bool:
    return True


def _taken_parameter(answer: str, *, family: str = "x") -> bool:
    return True


class _Odd:
    """A type of no JSON value."""


def _odd_type(answer: str, *, when: _Odd) -> bool:
    return True


def _unresolved(answer: NoSuchType) -> bool:  # noqa: F821
    return True


@pytest.mark.parametrize(
    ("function", "message"),
    [
        (_positional, "'limit' of the check 'mine' is not keyword-only"),
        (_untyped, "'limit' of the check 'mine' has no type"),
        (_unannotated, "must be annotated str, Response or CheckContext"),
        (_nothing, "must be annotated str, Response or CheckContext"),
        (_waits, "is an async function"),
        (_taken_parameter, "has a name that evalkit uses itself"),
        (_odd_type, "a type that no suite can hold"),
        (_unresolved, "cannot be resolved"),
    ],
)
def test_a_function_of_another_form_is_refused_where_it_stands(function, message):
    """The error names the file and line of the function and shows the form it should have."""
    with pytest.raises(ConfigError) as caught:
        check("mine")(function)
    assert message in str(caught.value)
    assert "test_custom.py:" in str(caught.value)
    assert "mine" not in CHECKS


def test_a_name_can_be_taken_only_once_but_imported_again():
    """Two functions of one name are a mistake; the same function after a reload is not. Built-in names are taken."""

    def make(extra):
        def rule(answer: str) -> bool:
            return extra

        return rule

    check("rule")(make(True))
    check("rule")(make(False))  # the same module and name: imported again
    for name, function in (
        ("rule", _named_other),
        ("contains", _named_other),
        ("not", _named_other),
        ("a b", _named_other),
    ):
        with pytest.raises(ConfigError):
            check(name)(function)


def _named_other(answer: str) -> bool:
    return True
