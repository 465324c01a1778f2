"""The registry of checks, their examples, their descriptions for people and for editors, and the reference page."""

from __future__ import annotations

from pathlib import Path

import jsonschema_rs
import pytest

from evalkit.checks.catalog import CHECKS, Families, describe, editor_schemas
from evalkit.checks.reference import check_text, listing_text, reference_markdown
from evalkit.errors import ConfigError

BUILTIN = [name for name in CHECKS.names() if CHECKS.get(name).family != "custom"]
EXAMPLES = [name for name in BUILTIN if "passes" in CHECKS.get(name).example]
ASKING = {name for name in BUILTIN if CHECKS.get(name).family in {"judge", "metamorphic"}}
WITHOUT_ANSWERS = {
    "cost_usd",
    "served_by",
    "moderation",
    "embedding_similarity",
    *ASKING,
}  # they judge a price, a server and replies, which an example does not hold


@pytest.mark.parametrize("name", BUILTIN)
def test_every_name_loads_the_class_of_that_name(name):
    """The registry's names, the classes' names and the families agree."""
    cls = CHECKS.get(name)
    assert cls.name == name
    assert Families()[name] == cls.family


@pytest.mark.parametrize("name", EXAMPLES)
def test_every_example_does_what_it_says(name, judge):
    """The example in the documentation passes on the answer that should pass and fails on the other."""
    example = CHECKS.get(name).example
    passed = judge({name: example["params"]}, example["passes"])
    failed = judge({name: example["params"]}, example["fails"])
    assert (passed.status, failed.status) == ("pass", "fail")
    assert failed.reason
    assert (passed.score is not None) == (failed.score is not None) == CHECKS.get(name).scored


def test_only_checks_of_prices_and_replies_have_no_example_answers():
    """A new check comes with an answer that passes and one that fails."""
    assert set(BUILTIN) - set(EXAMPLES) <= WITHOUT_ANSWERS


@pytest.mark.parametrize("name", BUILTIN)
def test_every_check_says_what_its_parameters_mean(name):
    """Summary, parameter meanings and an example are there for every check."""
    description = describe(name)
    assert description.summary.endswith(".")
    assert description.example
    assert all(parameter.doc for parameter in description.parameters), name


def test_an_unknown_name_gets_the_nearest_one():
    """`evalkit checks contians` says: did you mean contains."""
    with pytest.raises(ConfigError, match="did you mean 'contains'"):
        check_text("contians")


def test_the_reference_page_is_up_to_date():
    """docs/reference/checks.md is what the checks say of themselves."""
    page = Path(__file__).parents[2] / "docs" / "reference" / "checks.md"
    assert page.read_text(encoding="utf-8") == reference_markdown(BUILTIN), (
        "write it again with: python -m evalkit.checks.reference docs/reference/checks.md"
    )


def test_the_listing_names_every_check_once_under_its_family():
    """`evalkit checks` shows all, one line each."""
    lines = listing_text().split("\n")
    for name in BUILTIN:
        assert sum(line.startswith(f"  {name} ") for line in lines) == 1, name
    assert "not, any_of and all_of combine checks" in lines[-1]


@pytest.fixture(scope="module")
def schemas():
    """What editors are given."""
    return editor_schemas()


@pytest.mark.parametrize("name", BUILTIN)
def test_editors_accept_the_example_and_refuse_a_typo(name, schemas):
    """The schema given to editors takes the example in the form it is written in, and no unknown key."""
    schema = schemas[name]
    params = CHECKS.get(name).example["params"]
    long = jsonschema_rs.validator_for(schema["long"])
    if isinstance(params, dict):
        assert long.is_valid(params)
        assert not long.is_valid({**params, "no_such_parameter": 1})
    elif params is None:
        assert schema["bare"]
    else:
        assert jsonschema_rs.validator_for(schema["short"]).is_valid(params)
    assert "$ref" not in str(schema)


def test_editors_accept_an_expression_for_a_number(schemas):
    """`words: {max: "{{ expect.limit }}"}` is not underlined, `words: {max: ten}` is."""
    long = jsonschema_rs.validator_for(schemas["length"]["long"])
    assert long.is_valid({"words": {"max": "{{ expect.limit }}"}})
    assert long.is_valid({"words": "{{ expect.limit }}"})
    assert not long.is_valid({"words": {"max": "ten"}})
    assert not long.is_valid({"words": -1})
