"""Where requests go, with which key and headers, is the project's business: no suite, dataset or prompt can say it, or see the environment."""

from __future__ import annotations

import json

import pytest
from fakes.eval_project import Project
from fakes.llm_server import LLMServer

HEAD = "suite: hello\ncases: [{id: a, vars: {customer: Ana}}]\nchecks: [contains: Hello]\n"
KEY = "sk-test-0123456789abcdef"
SETTINGS = ("base_url", "headers", "api_key_env", "kind", "account", "timeout_s")


@pytest.fixture
def project(tmp_path, monkeypatch):
    """A project that asks OpenAI's API on this machine, with a key in the environment."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("OPENAI_API_KEY", KEY)
    return Project(tmp_path)


@pytest.mark.parametrize(
    "place",
    [
        "prompt: hello:v1\n{0}: x",
        "prompt: hello:v1\nmodels: [{{model: openai/m, {0}: x}}]",
        "variants: {{a: {{prompt: 'hello:v1', {0}: x}}}}",
        "prompt: hello:v1\nparams: {{{0}: x}}",
        "prompt: hello:v1\nfallbacks: [{{model: openai/m, {0}: x}}]",
    ],
)
def test_a_suite_cannot_name_an_endpoint(project, place):
    """Settings of a provider are unknown keys wherever a suite has any, and nothing is asked."""
    project.prompt("v1", tone="kind", model="openai/m")
    for number, setting in enumerate(SETTINGS):
        project.suite(HEAD.replace("hello", f"s{number}", 1) + place.format(setting), name=f"s{number}")
    checked = project.evalkit("run", "--collect-only", "-q")
    assert checked.code == 2
    for number, setting in enumerate(SETTINGS):
        told = next(line for line in checked.out.splitlines() if line.startswith(f"suites/s{number}.yaml:"))
        assert setting in told


def test_a_prompt_cannot_name_one_either(project):
    """Its front matter takes a model and parameters, no more."""
    prompt = (project.root / "prompts/hello/v1.j2").read_text(encoding="utf-8")
    project.write("prompts/hello/v1.j2", prompt.replace("{model: scripted/m}", "{model: openai/m, base_url: x}"))
    project.suite(f"{HEAD}prompt: hello:v1\n")
    ran = project.evalkit("run", "--collect-only", "-q")
    assert ran.code == 2
    assert "base_url" in ran.out


@pytest.mark.parametrize(
    "text", ["${OPENAI_API_KEY}", "$OPENAI_API_KEY", "{{ env.OPENAI_API_KEY }}", "%(OPENAI_API_KEY)s"]
)
def test_the_environment_is_no_data(project, text):
    """What a case says is sent letter by letter: nothing in a suite is filled in from the environment."""
    with LLMServer(lambda _: "Hello!") as server:
        project.live(server.url)
        project.suite(f"{HEAD}prompt: hello:v1\n".replace("Ana", json.dumps(text)))
        assert project.evalkit("run").code == 0
        (asked,) = server.requests
    assert asked.question == f"I am {text}."
    assert KEY not in json.dumps(asked.body)


@pytest.mark.parametrize("name", ["env", "environ", "os", "config", "request", "settings"])
def test_a_template_sees_its_variables_and_nothing_else(project, name):
    """There is nothing in scope through which the environment could be reached."""
    project.write("prompts/hello/v1.j2", f"{{% user %}}I am {{{{ {name} }}}}.{{% enduser %}}")
    project.suite(f"{HEAD}prompt: hello:v1\nmodels: [scripted/m]\n")
    ran = project.evalkit("run", "--collect-only", "-q")
    assert ran.code == 2
    assert name in ran.out
