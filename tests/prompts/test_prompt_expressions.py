"""``{{ }}`` in check parameters: values with their types, and errors at the suite's line."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from evalkit.errors import SuiteError, Where
from evalkit.prompts.expressions import Expressions, has_expression

PLACE = Where("suites/a.yaml", 12)
SCOPE = {"n": 3, "q": "hi", "ok": True, "none": None, "xs": ["a", "b"], "user": {"name": "Ana"}}


def resolved(value, scope=SCOPE):
    return Expressions().resolve(value, scope, where=PLACE)


def test_a_whole_expression_keeps_its_type():
    """A number stays a number and a list a list; within other text a value becomes text."""
    for text, value in {
        "{{ n }}": 3, "{{ n / 2 }}": 1.5, "{{ ok }}": True, "{{ none }}": None, "{{ xs }}": ["a", "b"], "{{ user }}": {"name": "Ana"},
        "{{ (1, 2) }}": [1, 2], "{{ '3' }}": "3", "{{ n }} ": "3 ", "{{ n }}{{ n }}": "33", "no {{ ok }}": "no True", "{{ n > 2 }}": True,
        "{{ xs|map('upper')|list }}": ["A", "B"], "{{ {'a': [n]} }}": {"a": [3]},
    }.items():  # fmt: skip
        assert resolved(text) == value, text
        assert type(resolved(text)) is type(value), text


def test_values_are_replaced_at_any_depth_and_keys_are_not():
    """Lists and mappings are walked; keys, numbers and plain texts stay."""
    value = {"{{ q }}": ["{{ q }}", {"a": "x {{ n }}"}, 7, None, "plain"]}
    assert resolved(value) == {"{{ q }}": ["hi", {"a": "x 3"}, 7, None, "plain"]}
    assert resolved("{{ q }}!") == "hi!"


def test_only_double_braces_mean_something():
    """Jinja's statements and comments are ordinary text in a parameter, for regexes and templates of templates."""
    for text in ("{% if x %}", "{# no #}", "a{3}", "}}", "{ {q} }"):
        assert resolved(text) == text
    assert resolved("{% x %} {# y #} {{ q }}") == "{% x %} {# y #} hi"


def test_values_are_inert():
    """A value that looks like an expression is not evaluated again."""
    scope = {"q": "{{ 7*7 }}{% x %}"}
    assert resolved("{{ q }}", scope) == "{{ 7*7 }}{% x %}"
    assert resolved("a {{ q }}", scope) == "a {{ 7*7 }}{% x %}"


@pytest.mark.parametrize(
    ("text", "parts"),
    [
        ("{{ nn }}", ["'nn' is undefined", "did you mean", "valid: n, none"]),
        ("a {{ user.nme }}", ["'nme' is not a key", "'name'"]),
        ("{{ [nn] }}", ["'nn' is undefined"]),
        ("{{ q|uper }}", ["did you mean 'upper'"]),
        ("{{", ["in a {{ }} expression"]),
        ("{{ }}", ["in a {{ }} expression"]),
        ("{{ q.__class__ }}", ["__class__"]),
        ("{{ xs|map('upper') }}", ["is not JSON", "add |list"]),
        ("{{ range }}", ["is not JSON", "call it"]),
        ("{{ 1e308 * 10 }}", ["not JSON"]),
        ("{{ 'a' * 10**9 }}", ["grows too long"]),
        ("{{ 1 / 0 }}", ["division by zero"]),
        ("{{ " + "(" * 3000 + "1" + ")" * 3000 + " }}", ["nested too deep"]),
    ],
)
def test_every_mistake_is_a_suite_error_at_its_line(text, parts):
    """The error is the suite's, with the line it was given and a reason."""
    with pytest.raises(SuiteError) as caught:
        resolved({"value": [text]})
    assert str(caught.value).startswith("suites/a.yaml:12: ")
    assert all(part in str(caught.value) for part in parts), str(caught.value)


def test_has_expression_looks_everywhere_but_in_keys():
    """The quick question that lets callers skip values without expressions."""
    assert has_expression("{{ a }}")
    assert has_expression([{"a": ({"b": "x {{ y }}"},)}])
    assert not has_expression({"{{ a }}": ["b", 1, None, {"c": "{ {"}]})


def test_an_expression_is_compiled_once():
    """Thousands of cases share the text of a check, so its compilation is shared too."""
    expressions = Expressions()
    compiled = [expressions._compiled("{{ q }} and {{ n }}") for _ in range(2)]
    assert compiled[0] is compiled[1]
    for number in range(3):
        assert expressions.resolve("{{ q }} and {{ n }}", {"q": "x", "n": number}, where=PLACE) == f"x and {number}"


@given(st.text().filter(lambda text: "{{" not in text))
def test_text_without_braces_is_returned_as_it_is(text):
    """No other character means anything."""
    assert resolved([text])[0] is text


@given(
    st.recursive(
        st.none() | st.booleans() | st.integers(-(2**60), 2**60) | st.text(),
        lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
        max_leaves=8,
    )
)
def test_any_json_value_comes_back_unchanged(value):
    """A whole expression that names a variable gives exactly that variable."""
    assert resolved("{{ value }}", {"value": value}) == value
