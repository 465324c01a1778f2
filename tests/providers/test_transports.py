"""The lean transport sends what the vendors' clients send, and its options are read strictly."""

from __future__ import annotations

import asyncio
import subprocess
import sys
import threading
from dataclasses import replace
from pathlib import Path
from typing import Any, get_args

import pytest
from fakes.asking import answers
from fakes.llm_server import Asked, LLMServer

from evalkit.errors import ConfigError
from evalkit.model.calls import Delivery, Message, Request, Response, Tool, Transport
from evalkit.providers.anthropic import provider as anthropic
from evalkit.providers.base import ProviderKind, ProviderSettings
from evalkit.providers.openai import provider as openai

SCHEMA = {"type": "object", "properties": {"ä": {"type": "string"}}, "required": ["ä"], "additionalProperties": False}
RICH = Request(
    "openai/m",
    (Message("system", "be brief"), Message("user", "Grüße")),
    params={"max_output_tokens": 5},
    tools=(Tool("t", "does it", SCHEMA),),
    output_schema=SCHEMA,
)
SENT = [
    (openai.OpenAI, RICH, {}),
    (openai.OpenAI, RICH, {"api": "responses"}),
    (openai.OpenAI, replace(RICH, delivery=Delivery(stream=True)), {"headers": {"X-Team": "blue"}}),
    (openai.OpenAI, Request("openai/e", (Message("user", "a"),), kind="embed"), {}),
    (openai.OpenAI, Request("openai/m", (Message("user", "a"),), kind="moderate"), {}),
    (anthropic.Anthropic, RICH, {}),
    (anthropic.Anthropic, RICH, {"anthropic_version": "2023-06-01", "headers": {"Authorization": "Bearer other"}}),
]
COMPARED = (
    "accept",
    "accept-encoding",
    "anthropic-version",
    "authorization",
    "content-length",
    "content-type",
    "openai-organization",
    "openai-project",
    "x-api-key",
    "x-team",
)


@pytest.fixture(autouse=True)
def _account(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("OPENAI_API_KEY", "ANTHROPIC_API_KEY", "OPENAI_ORG_ID", "OPENAI_PROJECT_ID"):
        monkeypatch.setenv(name, f"the-{name}")


def sent(kind: ProviderKind, request: Request, transport: Transport, options: dict[str, Any]) -> Asked:
    """What the server gets when ``request`` travels by ``transport``."""
    with LLMServer() as server:
        url = server.url if kind is anthropic.Anthropic else f"{server.url}/v1"
        settings = ProviderSettings("p", Path(), {"base_url": url, "transport": transport, **options}, timeout_s=20)
        answers(lambda: kind.open(settings), request)
        return server.requests[0]


@pytest.mark.parametrize(("kind", "request_", "options"), SENT)
def test_both_transports_send_the_same(kind, request_, options):
    """Address, body and every header that a server acts on are the same; only who says it is told truthfully."""
    sdk, http = (sent(kind, request_, transport, options) for transport in get_args(Transport))
    assert (http.path, http.body) == (sdk.path, sdk.body)
    assert [http.headers.get(name) for name in COMPARED] == [sdk.headers.get(name) for name in COMPARED]
    assert http.headers["user-agent"].startswith("evalkit/")
    assert not [name for name in http.headers if name.startswith("x-stainless")]


def test_the_addresses_and_the_version_are_the_vendors():
    """Without a base_url the lean transport goes where the SDK goes. (When an SDK moves on, this says so.)"""
    from anthropic import AsyncAnthropic
    from openai import AsyncOpenAI

    assert str(AsyncOpenAI(api_key="x").base_url).rstrip("/") == openai.URL
    client = AsyncAnthropic(api_key="x")
    assert str(client.base_url).rstrip("/") == anthropic.URL
    assert client.default_headers["anthropic-version"] == anthropic.VERSION


@pytest.mark.parametrize("options", [{"transport": "carrier pigeon"}, {"transport": 5}, {"stream": "yes"}])
@pytest.mark.parametrize("kind", [openai.OpenAI, anthropic.Anthropic])
def test_wrong_options_are_a_configuration_error(kind, options):
    """Before anything is sent, with the table's name."""
    with pytest.raises(ConfigError, match=r"pyproject\.toml: \[tool\.evalkit\.providers\.p\]"):
        kind.endpoint(ProviderSettings("p", Path(), options))


@pytest.mark.parametrize("kind", [openai.OpenAI, anthropic.Anthropic])
def test_how_a_request_travels_is_no_part_of_where_it_goes(kind):
    """Answers of one transport, or streamed ones, are found again for the other: the endpoint and the key do not change."""
    plain, other = ({}, {"transport": "http", "stream": True})
    found = {kind.endpoint(ProviderSettings("p", Path(), options)) for options in (plain, other)}
    assert len(found) == 1
    assert RICH.key == replace(RICH, delivery=Delivery(stream=True, transport="http")).key


def test_the_lean_transport_loads_no_sdk():
    """A run over plain HTTP pays for no import of a vendor's client."""
    code = """
import asyncio, pathlib, sys
from evalkit.model.calls import Message, Request
from evalkit.providers.base import ProviderSettings
from evalkit.providers.openai.provider import OpenAI
async def main(url):
    provider = OpenAI.open(ProviderSettings("p", pathlib.Path(), {"base_url": url, "transport": "http"}))
    await provider.complete(Request("p/m", (Message("user", "hi"),)))
    await provider.aclose()
asyncio.run(main(sys.argv[1]))
heavy = {"openai", "anthropic", "httpx2", "pydantic"} & set(sys.modules)
assert not heavy, heavy
"""
    with LLMServer() as server:
        subprocess.run([sys.executable, "-c", code, f"{server.url}/v1"], check=True, timeout=60)


def test_the_import_of_a_library_holds_up_no_other_call(tmp_path, monkeypatch):
    """An SDK takes seconds to import; on the loop they would be the latency of every call in flight."""
    (tmp_path / "slow_library.py").write_text(
        "import threading\n\nassert threading.current_thread().loop_goes_on.wait(20), 'the loop stood still'\n"
    )
    monkeypatch.syspath_prepend(str(tmp_path))
    went_on = threading.Event()
    monkeypatch.setattr(threading.Thread, "loop_goes_on", went_on, raising=False)
    with LLMServer() as server:
        settings = ProviderSettings("p", Path(), {"base_url": f"{server.url}/v1", "transport": "sdk"}, timeout_s=20)

        async def both() -> Response:
            provider = openai.OpenAI.open(settings)
            provider._library = "slow_library"
            try:
                answered, _ = await asyncio.gather(provider.complete(RICH), asyncio.to_thread(went_on.set))
            finally:
                await provider.aclose()
            return answered

        assert asyncio.run(both()).text


def test_what_a_library_is_called_is_what_is_imported():
    """Each provider names the package that its transport of the vendor imports."""
    for kind, name in ((openai.OpenAI, "openai"), (anthropic.Anthropic, "anthropic")):
        assert kind.open(ProviderSettings("p", Path(), {}, timeout_s=20))._library == name
