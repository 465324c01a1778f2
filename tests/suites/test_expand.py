"""Expansion: cases × variants × models × grid × repeats, with real prompts, before anything is spent."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from evalkit.errors import ConfigError, SuiteError
from evalkit.prompts.library import PromptLibrary
from evalkit.suites.expand import Expansion, expand

if TYPE_CHECKING:
    from evalkit.model.calls import Request

V1 = "Say {{ q }}."
V2 = """\
---
defaults: {model: openai/gpt-5-mini, temperature: 0, max_output_tokens: 400}
output: schemas/reply.json
---
{% system %}Be kind.{% endsystem %}
{% user %}{{ q }}{% enduser %}
"""
SCHEMA = {"type": "object", "properties": {"answer": {"type": "string"}}}


@pytest.fixture
def run(project):
    """Expand a suite text in a project with the prompt `p` in two versions."""
    project.write("prompts/p/v1.j2", V1)
    project.write("prompts/p/v2.j2", V2)
    project.write("schemas/reply.json", json.dumps(SCHEMA))

    def expanded(text: str, **options: object) -> Expansion:
        spec = project.load(text)
        prompts = PromptLibrary(project.root, project.root / "prompts")
        return expand(spec, prompts=prompts, **{"endpoint": lambda model: f"test {model}", **options})

    return expanded


def refusal(run, text: str, **options: object) -> list[str]:
    with pytest.raises(SuiteError) as caught:
        run(text, **options)
    return [str(complaint) for complaint in caught.value.complaints or (caught.value,)]


BOTH = "variants:\n  old: {prompt: p:v1}\n  new: {prompt: p:v2}\n"
CASES = "cases:\n  - {id: a, vars: {q: hi}}\n  - {id: b, vars: {q: ho}}\n"
CHECKS = "checks: [contains: x]\n"


def test_tests_come_in_the_order_of_cases_then_variants(run) -> None:
    """Ids are stable and readable: suite file, case, variant and model."""
    tests = run("suite: s\nmodels: [openai/m]\n" + BOTH + CASES + CHECKS).tests
    assert [test.test_id for test in tests] == [
        "suites/s.yaml::a[old-openai/m]",
        "suites/s.yaml::a[new-openai/m]",
        "suites/s.yaml::b[old-openai/m]",
        "suites/s.yaml::b[new-openai/m]",
    ]


def test_models_and_grid_are_crossed_with_every_variant(run) -> None:
    """Labels name each dimension; variants are compared within equal cells."""
    grid = "models: [openai/m, x/y]\ngrid: {temperature: [0, 0.7], parallel_tool_calls: [true]}\n"
    variants = run("suite: s\n" + grid + BOTH + CASES + CHECKS).variants
    assert [variant.label for variant in variants][:3] == [
        "old-openai/m-temperature:0-parallel_tool_calls:true",
        "old-openai/m-temperature:0.7-parallel_tool_calls:true",
        "old-x/y-temperature:0-parallel_tool_calls:true",
    ]
    assert len(variants) == 8
    old = {variant.cell for variant in variants if variant.name == "old"}
    assert old == {variant.cell for variant in variants if variant.name == "new"}
    assert "openai/m temperature:0.7 parallel_tool_calls:true" in old


def test_a_variant_with_its_own_model_is_not_crossed_with_models(run) -> None:
    """Its cell has no model in it, so that it can be compared with another variant that has its own."""
    text = (
        "suite: s\nprompt: p:v1\nmodels: [openai/m]\nvariants:\n  mine: {model: x/y}\n  theirs: {}\n" + CASES + CHECKS
    )
    mine, theirs = run(text).variants
    assert (mine.model, mine.cell, mine.label) == ("x/y", "", "mine-x/y")
    assert (theirs.model, theirs.cell) == ("openai/m", "openai/m")


def test_parameters_are_overridden_from_the_prompt_to_the_grid(run) -> None:
    """Prompt defaults < suite < variant < grid; the model is no parameter."""
    text = (
        "suite: s\nparams: {top_p: 0.5, max_output_tokens: 100}\ngrid: {seed: [7]}\n"
        "variants: {a: {prompt: p:v2, params: {top_p: 0.9, seed: 1}}}\n"
    )
    (variant,) = run(text + CASES + CHECKS).variants
    assert variant.params == {"temperature": 0, "max_output_tokens": 100, "top_p": 0.9, "seed": 7}
    assert variant.model == "openai/gpt-5-mini"
    assert variant.cell == "seed:7"


def test_a_request_holds_exactly_what_is_sent(run) -> None:
    """Messages rendered with the case's variables, parameters, output schema, endpoint; one request per repeat."""
    expansion = run("suite: s\nprompt: p:v2\nrepeats: 3\nrequire: 2\n" + CASES + CHECKS)
    test = expansion.tests[0]
    assert test.require == 2
    assert [trial.repeat for trial in test.trials] == [trial.request.repeat for trial in test.trials] == [0, 1, 2]
    assert len({trial.request.key for trial in test.trials}) == 3
    request = test.trials[0].request
    assert [(message.role, message.content) for message in request.messages] == [("system", "Be kind."), ("user", "hi")]
    assert (request.model, request.endpoint) == ("openai/gpt-5-mini", "test openai/gpt-5-mini")
    assert request.output_schema == SCHEMA
    assert [prompt.ref for prompt in expansion.prompts] == ["p:v2"]
    assert test.trials[0].variant.prompt_digest == expansion.prompts[0].digest


@pytest.mark.parametrize(("prompt", "name"), [("p", "v2"), ("p:latest", "v2"), ("p:v1", "v1")])
def test_the_only_variant_is_called_after_its_version(run, prompt: str, name: str) -> None:
    """`latest` is resolved: a result always names the version that produced it."""
    (variant,) = run(f"suite: s\nprompt: {prompt}\nmodels: [a/b]\n" + CASES + CHECKS).variants
    assert (variant.name, variant.prompt) == (name, f"p:{name}")


def test_all_repeats_must_pass_by_default(run) -> None:
    """Without `require`, a case passes when each of its repeats does."""
    assert run("suite: s\nprompt: p:v2\nrepeats: 4\n" + CASES + CHECKS).tests[0].require == 4


def test_an_output_schema_is_checked_without_being_asked(run) -> None:
    """A prompt that promises a schema gets one json_schema check, unless the suite or the case has its own."""
    (implied,) = run("suite: s\nprompt: p:v2\n" + CASES).tests[0].checks
    assert (implied.name, implied.params, str(implied.where)) == ("json_schema", {"schema": SCHEMA}, "prompts/p/v2.j2")
    own = "checks: [not: {json_schema: other.json}]\n"
    assert [check.name for check in run("suite: s\nprompt: p:v2\n" + CASES + own).tests[0].checks] == ["not"]
    cases = "cases:\n  - {vars: {q: 1}, checks: [json_schema: x.json]}\n  - {vars: {q: 2}}\n"
    tests = run("suite: s\nprompt: p:v2\n" + cases).tests
    assert [test.checks[0].params for test in tests] == ["x.json", {"schema": SCHEMA}]


def test_checks_are_resolved_for_each_case(run) -> None:
    """Expressions see the case's variables and expectations, keep types, and reach into combinations."""
    text = (
        "suite: s\nprompt: p:v1\nmodels: [a/b]\n"
        "cases:\n  - {id: a, vars: {q: hi, n: 3}, expect: {answer: ho}, checks: [number: {equals: '{{ n }}'}]}\n"
        "checks:\n  - contains: '{{ q }} {{ expect.answer }}'\n  - not: {contains: '{{ vars.q }}'}\n  - json\n"
    )
    contains, negated, json_check, number = run(text).tests[0].checks
    assert contains.params == "hi ho"
    assert negated.children[0].params == "hi"
    assert number.params == {"equals": 3}
    assert json_check.params is None
    assert contains.where.line == 7


def test_a_check_without_expression_is_one_object_for_all_tests(run) -> None:
    """The harness builds such a check once, however many cases there are."""
    first, second = run("suite: s\nprompt: p:v1\nmodels: [a/b]\n" + CASES + CHECKS).tests
    assert first.checks[0] is second.checks[0]


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("suite: s\nprompt: p:v1\n" + CASES + CHECKS, ["s.yaml:2", "no model for 'v1'", "models: [provider/model]"]),
        ("suite: s\nmodels: [a/b]\nprompt: q\n" + CASES + CHECKS, ["s.yaml:3", "no prompt 'q'"]),
        ("suite: s\nmodels: [a/b]\nprompt: p:v7\n" + CASES + CHECKS, ["s.yaml:3", "'v7'", "v1"]),
        ("suite: s\nmodels: [a/b]\nprompt: p@v1\n" + CASES + CHECKS, ["s.yaml:3", "p:v1"]),
        ("suite: s\nmodels: [a/b]\nvariants:\n  x: {prompt: p:v1, at: nowhere}\n" + CASES + CHECKS, ["s.yaml:4"]),
        ("suite: s\nmodels: [a/b]\nprompt: p:v1\ncases: [{id: a, vars: {qq: 1}}]\n" + CHECKS, ["s.yaml:4", "case 'a'", "'q'", "v1.j2"]),
        ("suite: s\nmodels: [a/b]\nprompt: p:v1\ncases: [{id: a, vars: {q: 1}}]\n", ["s.yaml:4", "case 'a' has no check"]),
        ("suite: s\nmodels: [a/b]\nprompt: p:v1\nchecks:\n  - contains: '{{ answr }}'\ncases: [{id: a, vars: {q: 1}}]\n", ["s.yaml:5", "answr", "case 'a'"]),
        ("suite: s\nmodels: [a/b]\nprompt: p:v1\nchecks:\n  - contains: '{{ q'\ncases: [{id: a, vars: {q: 1}}]\n", ["s.yaml:5", "contains, for case 'a'"]),
        ("suite: s\nprompt: p:v1\nrepeats: 1000\nmodels: [a/b]\ngrid: {seed: [" + ",".join(map(str, range(501))) + "]}\n" + CASES + CHECKS, ["501 variants", "500"]),
        ("suite: s\nprompt: p:v1\nrepeats: 1000\nmodels: [a/b]\ngrid: {seed: [" + ",".join(map(str, range(500))) + "]}\n" + CASES + "  - {vars: {q: 3}}\n" + CHECKS, ["1,500,000 trials"]),
    ],
)  # fmt: skip
def test_a_mistake_that_shows_late_still_has_its_line(run, text: str, words: list[str]) -> None:
    """Prompts, models, variables and expressions are verified before anything is spent, each at the line to blame."""
    (message,) = refusal(run, text)
    for word in words:
        assert word in message


def test_two_variants_may_not_share_a_label(run) -> None:
    """A test id names one thing."""
    text = "suite: s\nprompt: p:v1\nvariants:\n  a: {model: x/y-z/w}\n  a-x: {model: y/z}\n"
    labels = [variant.label for variant in run(text + CASES + CHECKS).variants]
    assert len(set(labels)) == 2
    clash = "suite: s\nprompt: p:v1\nvariants:\n  a: {model: b-c/d}\n  a-b: {model: c/d}\n"
    (message,) = refusal(run, clash + CASES + CHECKS)
    assert "s.yaml:5" in message
    assert "'a-b-c/d'" in message


def test_every_case_with_a_mistake_is_named(run) -> None:
    """Two cases without their variable are two complaints, at two lines."""
    text = "suite: s\nmodels: [a/b]\nprompt: p:v1\ncases:\n  - vars: {}\n  - vars: {q: 1}\n  - vars: {r: 1}\n" + CHECKS
    found = refusal(run, text)
    assert [message.split(":")[1] for message in found] == ["5", "7"]


def test_the_provider_may_refuse_a_request_once_per_cell(run) -> None:
    """A parameter that a provider does not take is an error at the line that sets it, asked once for each cell."""
    asked: list[Request] = []

    def check(request: Request) -> str | None:
        asked.append(request)
        return "temperature is not taken; leave it out" if "temperature" in request.params else None

    text = (
        "suite: s\nmodels: [a/b]\nvariants:\n  old: {prompt: p:v1}\n  new: {prompt: p:v1, params: {temperature: 1}}\n"
    )
    (message,) = refusal(run, text + CASES + CHECKS, check_request=check)
    assert message.splitlines()[0] == "suites/s.yaml:5: new-a/b: temperature is not taken; leave it out"
    assert len(asked) == 2


def test_an_unknown_provider_is_an_error_at_the_models_line(run) -> None:
    """What the configuration does not know is said where the suite asked for it."""

    def endpoint(model: str) -> str:
        raise ConfigError(f"no provider named {model.partition('/')[0]!r}", hint="valid: openai")

    (message,) = refusal(run, "suite: s\nprompt: p:v1\nmodels: [opnai/m]\n" + CASES + CHECKS, endpoint=endpoint)
    assert message == "suites/s.yaml:3: no provider named 'opnai'\n  hint: valid: openai"


def test_the_way_of_an_answer_is_said_for_the_suite_the_model_or_the_variant(run) -> None:
    """The last one that says something wins; the request's key does not change with it."""
    suite = "suite: s\nprompt: p:v1\nstream: true\nmodels: [a/m, {model: a/n, transport: http, params: {seed: 7}}]\n"
    variants = "variants:\n  one: {}\n  two: {stream: false, transport: sdk, params: {seed: 8}}\n"
    trials = [test.trials[0] for test in run(suite + variants + CASES + CHECKS).tests[:4]]
    assert [(t.request.delivery.stream, t.request.delivery.transport) for t in trials] == [
        (True, None),
        (True, "http"),
        (False, "sdk"),
        (False, "sdk"),
    ]
    assert [dict(t.request.params) for t in trials] == [{}, {"seed": 7}, {"seed": 8}, {"seed": 8}]
    plain = run("suite: s\nprompt: p:v1\nmodels: [a/m]\n" + CASES + CHECKS).tests[0].trials[0].request
    assert plain.key == trials[0].request.key


def test_fallbacks_are_requests_ready_to_send(run) -> None:
    """The same prompt with the same parameters to another model, repeat by repeat; a variant's list replaces the suite's."""
    suite = "suite: s\nprompt: p:v1\nmodels: [a/m]\nparams: {seed: 1}\nrepeats: 2\ntransport: http\n"
    lists = "fallbacks: [b/m, {model: c/m, params: {seed: 2}, stream: true}, {answer: Sorry.}]\n"
    variants = "variants:\n  one: {}\n  two: {fallbacks: []}\n"
    one, two = run(suite + lists + variants + CASES + CHECKS).tests[:2]
    first, second = one.trials
    assert [(spare.model, dict(spare.params), spare.endpoint) for spare in first.fallbacks] == [
        ("b/m", {"seed": 1}, "test b/m"),
        ("c/m", {"seed": 2}, "test c/m"),
    ]
    assert [spare.delivery.stream for spare in first.fallbacks] == [False, True]
    assert {spare.delivery.transport for spare in first.fallbacks} == {"http"}
    assert all(spare.messages == first.request.messages for spare in first.fallbacks)
    assert [spare.repeat for spare in second.fallbacks] == [1, 1]
    assert (first.canned, two.trials[0].fallbacks, two.trials[0].canned) == ("Sorry.", (), None)


def test_a_fallback_that_no_provider_takes_is_a_mistake_at_its_line(run) -> None:
    """Nothing is spent before the last resort could be asked, too."""

    def refuse(request: Request) -> str | None:
        return "no such thing" if request.model == "b/m" else None

    suite = "suite: s\nprompt: p:v1\nmodels: [a/m]\nfallbacks:\n  - b/m\n" + CASES + CHECKS
    (complaint,) = refusal(run, suite, check_request=refuse)
    assert complaint.startswith("suites/s.yaml:5:")
    assert "no such thing" in complaint


def test_cases_with_a_priority_tag_go_first(run) -> None:
    """Their calls overtake the others'; without the key all are equal."""
    cases = "cases:\n  - {id: a, vars: {q: hi}}\n  - {id: b, vars: {q: ho}, tags: [smoke]}\n"
    suite = "suite: s\nprompt: p:v1\nmodels: [a/m]\n" + cases + CHECKS
    assert [test.trials[0].priority for test in run(suite + "priority: smoke\n").tests] == [1, 0]
    assert [test.trials[0].priority for test in run(suite).tests] == [1, 1]
