"""Scripted answers: from a list, a table or a function of the project."""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path
from typing import Any

import pytest

from evalkit.errors import CallError, ConfigError
from evalkit.model.calls import Message, Request, Response
from evalkit.providers.base import ProviderSettings
from evalkit.providers.scripted import Scripted, ScriptedProvider


def settings(root: Path = Path(), **options: Any) -> ProviderSettings:
    return ProviderSettings("demo", root, options)


def asked(text: str = "hi", **fields: Any) -> Request:
    return Request("demo/m", (Message("user", text), Message("assistant", "apple")), **fields)


def answer(provider: Any, request: Request) -> Response:
    return asyncio.run(provider.complete(request))


def test_a_list_answers_by_repeat():
    """Repeat n gets the n-th text, round and round, whatever is asked and in whatever order."""
    provider = Scripted.open(settings(answers=["a", "b"]))
    assert [answer(provider, asked(repeat=n)).text for n in (2, 0, 1, 3)] == ["a", "a", "b", "b"]


def test_a_table_answers_by_what_the_question_contains():
    """The first key in the last user message wins; other messages do not count."""
    provider = Scripted.open(settings(answers={"apple": "fruit", "car": "thing", "carp": "fish", "default": "?"}))
    texts = [answer(provider, asked(text)).text for text in ("an apple", "a carp", "nothing", "")]
    assert texts == ["fruit", "thing", "?", "?"]


def test_a_table_without_a_fitting_key_fails():
    """No key and no default: a failure that says what to add, never an empty answer."""
    with pytest.raises(CallError, match="none of 1 keys") as caught:
        answer(ScriptedProvider({"apple": "fruit"}), asked("pear"))
    assert caught.value.kind == "bad_request"


IMPORTS = "from evalkit.model.calls import Response, Usage\n"


@pytest.fixture
def project(tmp_path: Path, request: pytest.FixtureRequest) -> Any:
    """A project folder with one module of its own name; forgotten afterwards."""
    name = f"answers_{abs(hash(request.node.nodeid))}"

    def write(code: str) -> ProviderSettings:
        (tmp_path / f"{name}.py").write_text(code, encoding="utf-8")
        return settings(tmp_path, function=f"{name}:reply")

    yield write
    sys.modules.pop(name, None)


def test_a_function_answers_with_a_text_or_a_response(project):
    """Plain and async functions, texts and responses; the time they take is measured."""
    chosen = project(
        "from evalkit.model.calls import Response\n"
        "async def slow(): return 'slow'\n"
        "def reply(request):\n"
        "    said = request.messages[0].content\n"
        "    return slow() if said == 'wait' else Response(said.upper(), finish='length') if said == 'cut' else said\n"
    )
    before = list(sys.path)
    provider = Scripted.open(chosen)
    assert sys.path == before
    assert answer(provider, asked("echo")).text == "echo"
    assert answer(provider, asked("cut")).finish == "length"
    slow = answer(provider, asked("wait"))
    assert slow.text == "slow"
    assert slow.latency_s is not None


@pytest.mark.parametrize(
    ("code", "says"),
    [
        ("def reply(request): return 1 / 0", "raised ZeroDivisionError"),
        ("def reply(request): return None", "returned NoneType"),
        (f"{IMPORTS}def reply(request): return Response('', usage=Usage(10**400, 1))", "usage.input_tokens is wrong"),
        (f"{IMPORTS}def reply(request): return Response('', usage=Usage(1, -1))", "usage.output_tokens is wrong"),
        (f"{IMPORTS}def reply(request): return Response('', latency_s=float('nan'))", "latency_s is wrong"),
        (f"{IMPORTS}def reply(request): return Response('', first_token_s=float('inf'))", "first_token_s is wrong"),
    ],
)
def test_a_function_that_fails_is_a_failed_call(project, code, says):
    """Nothing but CallError leaves a provider."""
    with pytest.raises(CallError, match=says) as caught:
        answer(Scripted.open(project(code)), asked())
    assert caught.value.kind == "bad_response"


def test_a_function_can_fail_like_a_provider(project):
    """A CallError of the function's own goes through, so that a project can rehearse faults."""
    code = "from evalkit.errors import CallError\ndef reply(r): raise CallError('slow down', kind='rate_limited')"
    with pytest.raises(CallError) as caught:
        answer(Scripted.open(project(code)), asked())
    assert caught.value.kind == "rate_limited"


@pytest.mark.parametrize(
    ("options", "says"),
    [
        ({}, "needs answers"),
        ({"answers": []}, "needs answers"),
        ({"answers": [1]}, "needs answers"),
        ({"answers": {"a": 1}}, "needs answers"),
        ({"function": "os:getcwd"}, "in no module of the project"),
        ({"function": "os.path"}, "module:function"),
        ({"function": "../x:y"}, "module:function"),
        ({"function": "x:y", "answers": ["a"]}, "both"),
        ({"function": 5}, "not a text"),
    ],
)
def test_wrong_options_are_a_configuration_error(tmp_path, options, says):
    """Told when the project is read, with the table's name; modules outside the project cannot be named."""
    with pytest.raises(ConfigError, match=says) as caught:
        Scripted.ready(settings(tmp_path, **options))
    assert "[tool.evalkit.providers.demo]" in str(caught.value)


@pytest.mark.parametrize(
    ("code", "says"),
    [("other = 1", "is no function of"), ("reply = 1", "is no function of"), ("1 / 0", "ZeroDivisionError")],
)
def test_a_module_that_cannot_answer_is_a_configuration_error(project, code, says):
    """Importing it fails in words, not in a traceback."""
    with pytest.raises(ConfigError, match=says):
        Scripted.open(project(code))


def test_a_module_hidden_by_an_installed_one_is_told(tmp_path):
    """A project's json.py never gets asked: Python has one already."""
    (tmp_path / "json.py").write_text("def dumps(r): return 'x'", encoding="utf-8")
    with pytest.raises(ConfigError, match="another module named 'json'"):
        Scripted.open(settings(tmp_path, function="json:dumps"))


def test_other_answers_are_another_model(project):
    """The endpoint, and with it every key, changes with the answers and with the function's file."""
    assert Scripted.endpoint(settings(answers=["a"])) != Scripted.endpoint(settings(answers=["b"]))
    one = Scripted.endpoint(project("def reply(r): return 'a'"))
    assert one != Scripted.endpoint(project("def reply(r): return 'b'"))


def test_a_misspelt_parameter_is_refused_here_too():
    """A dry run finds the same mistakes as a live one."""
    assert "did you mean" in (Scripted.check(asked(params={"temprature": 1}), settings(answers=["a"])) or "")
    assert Scripted.check(asked(params={"temperature": 1}), settings(answers=["a"])) is None
    assert "cannot serve embed" in (Scripted.check(asked(kind="embed"), settings(answers=["a"])) or "")
