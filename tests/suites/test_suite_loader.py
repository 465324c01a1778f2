"""A suite file becomes a SuiteSpec, or every mistake in it is named with file, line and hint."""

from __future__ import annotations

import contextlib
import json

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from evalkit.errors import EvalkitError
from evalkit.suites.loader import load_suite

MINIMAL = "suite: s\nprompt: p:v1\ncases:\n  - id: a\n    vars: {q: hi}\n    checks: [contains: hi]\n"


def test_the_whole_format_is_read(project, refunds: str) -> None:
    """Every key of the format lands in the specification, in the order written."""
    spec = project.load(refunds)
    assert (spec.name, spec.path, spec.repeats, spec.require) == ("refund-replies", "suites/s.yaml", 3, 2)
    assert [(v.name, v.prompt, dict(v.params)) for v in spec.variants] == [
        ("baseline", "refund-reply:v1", {}),
        ("candidate", "refund-reply:v2", {"temperature": 0.2}),
    ]
    assert [model.name for model in spec.models] == ["openai/gpt-5-mini"]
    assert spec.params == {"max_output_tokens": 400}
    assert spec.grid == {"temperature": (0, 0.7)}
    case = spec.cases[0]
    assert (case.id, case.cluster, case.expect) == ("late-parcel", "parcels", {"answer": "yes"})
    assert case.tags == {"refunds", "smoke"}
    assert spec.cases[1].tags == {"refunds", "smoke", "slow"}
    assert str(case.where) == "suites/s.yaml:14"
    assert [str(check.where) for check in case.checks] == ["suites/s.yaml:20"]
    assert spec.lines["models"] == 7


def test_checks_take_every_form(project, refunds: str) -> None:
    """Bare, short and long forms, combinations, and select and severity inside or beside the parameters."""
    json, schema, pii, negated, either, rubric, number, cost = project.load(refunds).checks
    assert (json.name, json.params) == ("json", None)
    assert (schema.name, schema.params) == ("json_schema", "schemas/reply.json")
    assert pii.params == {"allow": ["email"]}
    assert [(child.name, child.params) for child in negated.children] == [("contains", "as an AI")]
    assert [child.name for child in either.children] == ["contains", "regex"]
    assert (rubric.severity, "severity" in rubric.params) == ("warn", False)
    assert (number.select, number.params) == ("$.amount", {"equals": 12.5, "within": 0.01})
    assert (cost.severity, cost.params) == ("warn", {"max": 0.002})


@pytest.mark.parametrize(
    ("head", "name", "prompt"),
    [
        ("prompt: p\n", "", "p:latest"),
        ("prompt: p:v2\n", "", "p:v2"),
        ("prompt: p:v2\nvariants: {big: {model: openai/gpt-5}}\n", "big", "p:v2"),
        ("variants: {a: {prompt: p, at: origin/main}}\n", "a", "p:latest"),
    ],
)
def test_a_prompt_for_the_suite_is_the_variants_prompt(project, head: str, name: str, prompt: str) -> None:
    """With `prompt:` alone there is one variant; a variant without a prompt takes the suite's."""
    (variant,) = project.load("suite: s\n" + head + "cases: [{vars: {q: 1}}]\n").variants
    assert (variant.name, variant.prompt) == (name, prompt)


def test_a_case_without_id_is_known_by_its_content(project) -> None:
    """The id of a case does not depend on where it stands, only on what it says."""
    text = "suite: s\nprompt: p\ncases:\n  - vars: {q: one}\n  - vars: {q: two}\n"
    turned = "suite: s\nprompt: p\ncases:\n  - vars: {q: two}\n  - vars: {q: one}\n"
    first, second = project.load(text).cases
    assert [case.id for case in project.load(turned).cases] == [second.id, first.id]
    assert first.id.startswith("c-")
    assert len(first.id) == 12


@pytest.mark.parametrize(
    ("before", "after", "same"),
    [
        ("q: hi", "q: ho", False),
        ("contains: hi", "contains: ho", False),
        ("contains: hi", "{contains: hi, severity: warn}", False),
        ("contains: hi", "{contains: hi, select: $.a}", False),
        ("contains: hi", "not: {contains: hi}", False),
        ("vars: {q: hi}", "vars: {q: hi}\n    expect: {a: 1}", False),
        ("suite: s", "suite: s\nrepeats: 2\nrequire: 1", True),
        ("suite: s", "suite: s\nrepeats: 2", False),
        ("suite: s", "suite: s\nchecks: [json]", False),
        ("suite: s", "# a comment\n\nsuite: t", True),
        ("id: a", "id: b", True),
        ("vars:", "tags: x\n    vars:", True),
    ],
)
def test_a_digest_changes_with_what_a_pass_means(project, before: str, after: str, same: bool) -> None:
    """Variables, expectations, checks and `require` are in the digest; names, tags and places are not."""
    (old,) = project.load(MINIMAL).cases
    (new,) = project.load(MINIMAL.replace(before, after)).cases
    assert (old.digest == new.digest) is same


@pytest.mark.parametrize(
    ("before", "after", "words"),
    [
        ("suite: s", "siute: s\nsuite: s", [":1:", "'siute'", "did you mean 'suite'"]),
        ("suite: s", "", ["no name", "suite: my-suite"]),
        ("suite: s", "suite: [s]", [":1:", "a list, not text"]),
        ("suite: s", "suite: a b", [":1:", "'a b'"]),
        ("prompt: p:v1\n", "", ["no prompt"]),
        ("prompt: p:v1", "variants: {}", [":2:", "no variants"]),
        ("prompt: p:v1", "variants: {a: {model: x/y}}", [":2:", "'a' has no prompt"]),
        ("prompt: p:v1", "variants: {a: p:v1}", [":2:", "write a: {prompt: p:v1}"]),
        ("prompt: p:v1", "variants: {a b: {prompt: p:v1}}", [":2:", "'a b'"]),
        ("prompt: p:v1", "variants: {a: {prompt: p:v1, promt: x}}", [":2:", "did you mean 'prompt'"]),
        ("prompt: p:v1", "variants: {a: {prompt: p:v1, temperature: 1}}", [":2:", "params: {temperature"]),
        ("prompt: p:v1", "variants: {a: {prompt: p:v1, base_url: 'http://x'}}", ["base_url", "pyproject.toml"]),
        ("prompt: p:v1", "prompt: p:v1\napi_key: sk-1", [":3:", "api_key", "pyproject.toml"]),
        ("prompt: p:v1", "prompt: p:v1\nmodels: [{id: openai/x, base_url: 'http://x'}]", [":3:", "base_url", "pyproject"]),
        ("prompt: p:v1", "prompt: p:v1\nmodels: [gpt-5]", [":3:", "'gpt-5'", "provider/model"]),
        ("prompt: p:v1", "prompt: p:v1\nmodels: [a/b@c]", [":3:", "'a/b@c'", "only letters"]),
        ("prompt: p:v1", "prompt: p:v1\nmodels: []", [":3:", "empty"]),
        ("prompt: p:v1", "prompt: p:v1\nmodels: [a/b, a/b]", [":3:", "twice"]),
        ("prompt: p:v1", "prompt: p:v1\nmodels: [{transport: http}]", [":3:", "no model"]),
        ("prompt: p:v1", "prompt: p:v1\ntransport: htpp", [":3:", "'htpp'", "did you mean 'http'"]),
        ("prompt: p:v1", "prompt: p:v1\nstream: 'yes'", [":3:", "text, not true or false"]),
        ("prompt: p:v1", "prompt: p:v1\nfallbacks: a/b", [":3:", "text, not a list"]),
        ("prompt: p:v1", "prompt: p:v1\nfallbacks: [{answer: sorry}, a/b]", [":3:", "write {answer: …} last"]),
        ("prompt: p:v1", "prompt: p:v1\nfallbacks: [{answer: ''}]", [":3:", "answer is empty"]),
        ("prompt: p:v1", "prompt: p:v1\nfallbacks: [{model: a/b, api_key: x}]", [":3:", "api_key", "pyproject.toml"]),
        ("prompt: p:v1", "prompt: p:v1\npriority: [smoke]", [":3:", "no case has the tag 'smoke'"]),
        ("prompt: p:v1", "prompt: p:v1\npriority: []", [":3:", "names no tag"]),
        ("prompt: p:v1", "prompt: p:v1\ngrid: {temperature: 1}", [":3:", "not a list"]),
        ("prompt: p:v1", "prompt: p:v1\ngrid: {temperature: []}", [":3:", "empty"]),
        ("prompt: p:v1", "prompt: p:v1\ngrid: {stop: [[a]]}", [":3:", "test id"]),
        ("prompt: p:v1", "prompt: p:v1\ngrid: {seed: [1, 1]}", [":3:", "twice"]),
        ("prompt: p:v1", "prompt: p:v1\ngrid: {model: [a/b]}", [":3:", "models:"]),
        ("prompt: p:v1", "prompt: p:v1\nparams: {model: a/b}", [":3:", "not a parameter"]),
        ("prompt: p:v1", "prompt: p:v1\nrepeats: '3'", [":3:", "text, not a whole number"]),
        ("prompt: p:v1", "prompt: p:v1\nrepeats: 0", [":3:", "from 1 to 1000"]),
        ("prompt: p:v1", "prompt: p:v1\nrepeats: 2\nrequire: 3", [":4:", "require is 3", "repeats is 2"]),
        ("id: a", "id: late parcel", [":4:", "a blank"]),
        ("id: a", "id: '<img>'", [":4:", "'<' '>'", "characters"]),
        ("id: a", "id: a::b[c]@d", [":4:", "':' '[' ']' '@'"]),
        ("id: a", f"id: {'x' * 101}", [":4:", "101 characters"]),
        ("id: a", "id: [a]", [":4:", "a list, not text"]),
        ("id: a", "id: a\n    var: {}", [":5:", "'var'", "did you mean 'vars'"]),
        ("vars: {q: hi}", "vars: [q]", [":5:", "a list, not a mapping"]),
        ("vars: {q: hi}", "vars: {vars: 1}", [":5:", "'vars'", "rename"]),
        ("vars: {q: hi}", "vars: {expect: 1}", [":5:", "'expect'"]),
        ("vars: {q: hi}", "tags: [a b]", [":5:", "'a b'", "one word"]),
        ("suite: s", "suite: s\ntags: [a b]", [":2:", "'a b'", "one word"]),
        ("contains: hi", "contians: hi", [":6:", "'contians'", "did you mean 'contains'"]),
        ("contains: hi", "contians", [":6:", "'contians'", "did you mean 'contains'"]),
        ("contains: hi", "{type: contains, value: hi}", [":6:", "one name", "contains: …"]),
        ("contains: hi", "{contains: hi, equals: hi}", [":6:", "'contains' and 'equals'"]),
        ("contains: hi", "{severity: warn}", [":6:", "none"]),
        ("contains: hi", "[contains]", [":6:", "a list"]),
        ("contains: hi", "{contains: hi, severity: warning}", [":6:", "valid: fail, warn"]),
        ("contains: hi", "{contains: hi, severity: []}", [":6:", "valid: fail, warn"]),
        ("contains: hi", "{contains: {any: [a], severity: warn}, severity: fail}", [":6:", "twice"]),
        ("contains: hi", "{contains: hi, select: amount}", [":6:", "JSONPath", "$"]),
        ("contains: hi", "not: [contains: hi]", [":6:", "any_of"]),
        ("contains: hi", "any_of: []", [":6:", "no checks"]),
        ("contains: hi", "any_of: {contains: hi}", [":6:", "a mapping, not a list"]),
        ("contains: hi", "not: {contains: hi, severity: warn}", [":6:", "outermost"]),
        ("contains: hi", "not: {contians: hi}", [":6:", "'contians'"]),
        ("  - id: a", "  - id: a\n  - id: a", [":5:", "'a'", "twice", "line 4"]),
        ("  - id: a", "  - text\n  - id: a", [":4:", "text, not a mapping"]),
    ],
)  # fmt: skip
def test_a_mistake_is_named_with_its_line(project, before: str, after: str, words: list[str]) -> None:
    """One mistake gives one complaint: the line, what is wrong, and what to do."""
    message = project.complaint(MINIMAL.replace(before, after, 1))
    assert message.startswith("suites/s.yaml:")
    for word in words:
        assert word in message


@pytest.mark.parametrize("cases", ["cases: []", "cases:", ""])
def test_a_suite_without_cases_is_a_mistake(project, cases: str) -> None:
    """Zero cases are not a pass."""
    assert "no cases" in project.complaint(f"suite: s\nprompt: p\n{cases}\n")


@pytest.mark.parametrize("text", ["- a\n", "hello\n", "1\n"])
def test_a_file_that_is_no_mapping_gets_one_complaint(project, text: str) -> None:
    """What is no suite at all is not scolded for every missing key."""
    assert "not a mapping" in project.complaint(text)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", ["suites/s.yaml:1: ", "empty"]),
        ("suite: s\nprompt: !env P\n", ["suites/s.yaml:2: ", "tags", "hint: "]),
        (b"suite: caf\xe9\n", ["suites/s.yaml:1: ", "UTF-8", "hint: "]),
    ],
)
def test_a_file_that_cannot_be_read_is_a_suite_error_too(project, text: str | bytes, words: list[str]) -> None:
    """What the reading of files and YAML refuses is told as every other mistake, with its place and hint."""
    message = project.complaint(text)
    for word in words:
        assert word in message


def test_the_same_case_twice_without_ids_is_a_mistake(project) -> None:
    """Two rows that say the same would share one identity."""
    message = project.complaint("suite: s\nprompt: p\ncases:\n  - vars: {q: 1}\n  - vars: {q: 1}\n")
    assert "suites/s.yaml:5" in message
    assert "line 4" in message


def test_all_mistakes_come_at_once_in_the_order_of_the_file(project) -> None:
    """A file with five mistakes is corrected in one go."""
    text = "suite: a b\nprompt: p\nrepets: 2\ncases:\n  - id: x y\n  - {id: b, checks: [nope: 1]}\ngates: [pass_rate >= 2]\n"
    found = project.complaints(text)
    assert [int(message.split(":")[1]) for message in found] == [1, 3, 5, 6, 7]


def test_the_list_of_mistakes_is_bounded(project) -> None:
    """A file with thousands of mistakes shows a hundred and counts the rest."""
    cases = "".join(f"  - {{id: c {i}}}\n" for i in range(1000))
    found = project.complaints("suite: s\nprompt: p\ncases:\n" + cases)
    assert len(found) == 101
    assert "900 more" in found[-1]


_KEYS = ["suite", "prompt", "variants", "models", "params", "grid", "repeats", "require", "tags", "cases", "checks", "gates",
         "id", "vars", "expect", "file", "map", "not", "any_of", "contains", "select", "severity", "gate", "must_pass",
         "no_regression", "against", "margin", "model", "at", "cluster"]  # fmt: skip
_SCALARS = st.sampled_from([
    "",
    "x",
    "p:v1",
    "a/b",
    "pass_rate >= 0.9",
    "p95(latency_s) <= 4",
    "$.a",
    "*.csv",
    "s.yaml",
    "../x",
    "\x00",
])
_TREES = st.recursive(
    st.none() | st.booleans() | st.integers(-2, 3) | st.floats(-1, 2) | _SCALARS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(_KEYS), inner, max_size=5),
    max_leaves=20,
)


@settings(
    max_examples=300, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow]
)
@given(st.fixed_dictionaries({}, optional=dict.fromkeys(_KEYS[:12], _TREES)))
def test_any_tree_of_known_words_gives_a_suite_or_evalkits_own_error(project, tree: dict[str, object]) -> None:
    """The right words in all the wrong places never end in a traceback."""
    path = project.write("suites/s.yaml", json.dumps({"suite": "s", "prompt": "p", **tree}))
    with contextlib.suppress(EvalkitError):
        load_suite(path, root=project.root, check_names={"contains"}, families={"contains": "content"})
