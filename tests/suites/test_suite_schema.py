"""The JSON Schema for editors agrees with the loader: what loads is valid, and common mistakes are not."""

from __future__ import annotations

import json
import re
from pathlib import Path

import jsonschema_rs
import pytest

from evalkit.checks.catalog import CHECKS as REGISTRY
from evalkit.checks.catalog import Families, editor_schemas
from evalkit.suites.schema import suite_schema
from evalkit.yamlfile import parse_yaml

CHECKS = {
    "contains": {
        "long": {"type": "object", "properties": {"any": {"type": "array"}}, "additionalProperties": False},
        "short": {"type": "string"},
        "summary": "The answer contains a text.",
    },
    "json": {"long": None, "short": None, "bare": True, "summary": "The answer is JSON."},
}
MINIMAL = "suite: s\nprompt: p:v1\ncases:\n  - id: a\n    vars: {q: hi}\n    checks: [contains: hi]\n"
GOOD = [
    MINIMAL,
    MINIMAL.replace("contains: hi", "json"),
    MINIMAL.replace("contains: hi", "{contains: {any: [x], severity: warn}}"),
    MINIMAL.replace("contains: hi", "{contains: x, select: $.a, severity: fail}"),
    MINIMAL.replace("contains: hi", "not: {any_of: [json, contains: x]}"),
    MINIMAL + "  - file: data/*.csv\n    map: {id: n, vars: [a], expect: {answer: gold}}\n    tags: [x]\n",
    MINIMAL.replace("prompt: p:v1", "variants: {a: {prompt: p, model: x/y, params: {seed: 1}, at: main}, b: {}}\nprompt: p"),
    MINIMAL + "models: x/y\ngrid: {temperature: [0, 1]}\nrepeats: 3\nrequire: 2\ntags: a, b\n",
    MINIMAL + "stream: true\ntransport: http\nmodels: [{model: x/y, transport: sdk, stream: false, params: {seed: 1}}, x/z]\n",
    MINIMAL + "fallbacks: [x/y, {model: x/z, params: {seed: 1}}, {answer: sorry}]\ntags: a\npriority: [a]\n",
    MINIMAL.replace("prompt: p:v1", "variants: {a: {prompt: p, stream: true, transport: sdk, fallbacks: [{answer: x}]}}"),
    MINIMAL + "gates:\n  - pass_rate(check:contains) >= 95%\n  - p95(latency_s) <= 4\n  - must_pass: [contains]\n",
]  # fmt: skip


@pytest.fixture(scope="module")
def validator() -> jsonschema_rs.Draft202012Validator:
    return jsonschema_rs.Draft202012Validator(suite_schema(CHECKS))


@pytest.mark.parametrize("text", GOOD)
def test_what_loads_is_valid(project, validator, text: str) -> None:
    """No editor may underline a suite that evalkit accepts."""
    project.write("suites/data/x.csv", "n,a,gold\n1,2,3\n")
    project.load(text, check_names=CHECKS)
    validator.validate(parse_yaml(text, name="s").plain())


DOCS = Path(__file__).parents[2] / "docs" / "suites.md"


def test_the_examples_of_the_documentation_are_valid(project) -> None:
    """What docs/suites.md shows loads with the real checks, and its fragments are valid in an editor."""
    suite, models, dataset, checks, attacks = re.findall(r"```yaml\n(.*?)```", DOCS.read_text("utf-8"), re.DOTALL)
    project.write("suites/data/refunds.csv", "id,customer,order_id,policy\nr1,Bo,A-2,none\n")
    project.load(suite, check_names=REGISTRY.names(), families=Families())
    validator = jsonschema_rs.Draft202012Validator(suite_schema(editor_schemas()))
    for fragment in (
        suite,
        f"suite: s\nprompt: p\ncases: [{{id: a}}]\n{models}",
        f"suite: s\nprompt: p\ncases:\n{dataset}",
        f"suite: s\nprompt: p\ncases: [{{id: a}}]\n{checks}",
        f"suite: s\nprompt: p\n{attacks}",
    ):
        validator.validate(parse_yaml(fragment, name="docs").plain())


def test_the_full_example_is_valid_against_the_real_checks(refunds: str) -> None:
    """The schema that `evalkit schema` prints knows every check and accepts the whole format."""
    schema = suite_schema(editor_schemas())
    json.dumps(schema)
    jsonschema_rs.Draft202012Validator(schema).validate(parse_yaml(refunds, name="s").plain())


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("suite: s\n", ""),
        ("prompt: p:v1\n", ""),
        ("prompt:", "promt: x\nprompt:"),
        ("id: a", "id: a b"),
        ("id: a", "ids: a"),
        ("vars: {q: hi}", "vars: {vars: 1}"),
        ("vars: {q: hi}", "vars: [q]"),
        ("contains: hi", "contians: hi"),
        ("contains: hi", "{contains: x, json: true}"),
        ("contains: hi", "{contains: x, weight: 1}"),
        ("contains: hi", "{contains: x, severity: bad}"),
        ("contains: hi", "not: [contains: x]"),
        ("prompt: p:v1", "prompt: p\nmodels: [gpt]"),
        ("prompt: p:v1", "prompt: p\nrepeats: 0"),
        ("prompt: p:v1", "variants: {a: {prompt: p, base_url: x}}"),
        ("prompt: p:v1", "prompt: p\ngates: [pass_rate]"),
        ("prompt: p:v1", "prompt: p\ngates: [no_regression: {against: a}]"),
        ("prompt: p:v1", "prompt: p\ngates: [p95(latency) <= 4]"),
        ("  - id: a\n", "  - file: x.csv\n"),
    ],
)
def test_common_mistakes_are_underlined(project, validator, before: str, after: str) -> None:
    """What the loader refuses in a suite's shape, the editor refuses as well."""
    text = MINIMAL.replace(before, after, 1)
    assert not validator.is_valid(parse_yaml(text, name="s").plain())
    assert project.complaints(text, check_names=CHECKS)


@pytest.mark.parametrize("after", ["contains", "contains: 3", "contains: {al: [x]}", "json: 3"])
def test_wrong_parameters_are_underlined(validator, after: str) -> None:
    """A check's own schema judges its parameters, in the short, long and bare form."""
    text = MINIMAL.replace("contains: hi", after, 1)
    assert not validator.is_valid(parse_yaml(text, name="s").plain())


def test_descriptions_help_while_typing() -> None:
    """Every top-level key and every check says what it is."""
    schema = suite_schema(CHECKS)
    for key, entry in schema["properties"].items():
        target = schema["$defs"][entry["$ref"].rpartition("/")[2]] if "$ref" in entry else entry
        assert target["description"], key
    check = schema["$defs"]["check"]["anyOf"][1]["properties"]
    assert check["contains"]["description"] == "The answer contains a text."
