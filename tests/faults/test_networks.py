"""Faults on the way to a provider: no name, nobody there, a certificate that nobody vouches for, a dead proxy, a key that cannot be one."""

from __future__ import annotations

import asyncio
import shutil
import socket
import ssl
import subprocess
import threading
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from fakes.engine import caller_for
from fakes.eval_project import Project, cases
from fakes.llm_server import LLMServer

from evalkit.engine.policy import Policy
from evalkit.model.calls import CallFailure, Message, Request
from evalkit.providers.base import ProviderSettings
from evalkit.providers.openai.provider import OpenAI

if TYPE_CHECKING:
    from collections.abc import Iterator

    from evalkit.model.calls import Call, Transport

KEY = "sk-test-0123456789abcdef"
POLICY = Policy(retries=2, backoff_s=0.001)


@pytest.fixture(params=["sdk", "http"])
def transport(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Transport:
    """Both transports, with a key."""
    monkeypatch.setenv("OPENAI_API_KEY", KEY)
    return request.param


def call(url: str, transport: Transport) -> Call:
    """One call to ``url``."""
    options = {"base_url": f"{url}/v1", "transport": transport}

    async def story() -> Call:
        provider = OpenAI.open(ProviderSettings("openai", Path(), options, timeout_s=20.0))
        caller = caller_for({"openai": provider}, policy=POLICY)
        try:
            return await caller.call(Request("openai/m", (Message("user", "hi"),)))
        finally:
            await caller.aclose()

    return asyncio.run(story())


def failure(settled: Call) -> CallFailure:
    """Its failure, which holds no key."""
    assert isinstance(settled.reply, CallFailure)
    assert KEY not in f"{settled.reply.message} {settled.reply.hint}"
    return settled.reply


def free_port() -> int:
    """A port on which nobody listens."""
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return int(one.getsockname()[1])


def test_nobody_there_is_tried_again(transport: Transport) -> None:
    """A refused connection is ``connection``, after as many tries as allowed, with the variables of proxies in the hint."""
    settled = call(f"http://127.0.0.1:{free_port()}", transport)
    failed = failure(settled)
    assert (failed.kind, len(settled.attempts)) == ("connection", 3)
    assert "HTTPS_PROXY" in (failed.hint or "")


def test_a_name_that_nobody_knows_is_a_connection_failure(
    transport: Transport, monkeypatch: pytest.MonkeyPatch
) -> None:
    """DNS says no: told with the name, no crash."""

    def unknown(host: str, *given: object, **named: object) -> None:
        raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")

    monkeypatch.setattr(socket, "getaddrinfo", unknown)
    failed = failure(call("http://models.invalid", transport))
    assert failed.kind == "connection"
    assert "models.invalid" in failed.message


def test_a_dead_proxy_is_named_by_its_variable(transport: Transport, monkeypatch: pytest.MonkeyPatch) -> None:
    """The connection that failed is the one to the proxy: the hint says where it is set."""
    monkeypatch.setenv("HTTP_PROXY", f"http://127.0.0.1:{free_port()}")
    failed = failure(call("http://models.invalid", transport))
    assert failed.kind == "connection"
    assert "HTTPS_PROXY and NO_PROXY" in (failed.hint or "")


@pytest.fixture
def impostor(tmp_path: Path) -> Iterator[tuple[str, list[int]]]:
    """A TLS server with a certificate that it signed itself: its URL, and one entry per connection."""
    if shutil.which("openssl") is None:
        pytest.skip("needs the openssl program, to make a certificate")
    key, certificate = tmp_path / "key.pem", tmp_path / "cert.pem"
    words = "openssl req -x509 -newkey rsa:2048 -nodes -days 2 -subj /CN=localhost -addext subjectAltName=DNS:localhost"
    subprocess.run([*words.split(), "-keyout", key, "-out", certificate], check=True, capture_output=True)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)
    met: list[int] = []
    listener = socket.create_server(("127.0.0.1", 0))

    def serve() -> None:
        while True:
            try:
                one, _ = listener.accept()
            except OSError:
                return
            met.append(1)
            try:
                context.wrap_socket(one, server_side=True).close()
            except OSError:
                one.close()

    thread = threading.Thread(target=serve, daemon=True)
    thread.start()
    yield f"https://localhost:{listener.getsockname()[1]}", met
    listener.shutdown(socket.SHUT_RDWR)
    listener.close()
    thread.join(10)


def test_a_certificate_that_nobody_vouches_for_is_not_tried_again(
    transport: Transport, impostor: tuple[str, list[int]]
) -> None:
    """It would be the same one: one connection, no key sent, and the hint says whose certificates are trusted."""
    url, met = impostor
    settled = call(url, transport)
    failed = failure(settled)
    assert (failed.kind, len(settled.attempts), len(met)) == ("connection", 1, 1), failed.message
    assert "certificate" in failed.message
    assert "SSL_CERT_FILE" in (failed.hint or "")


@pytest.mark.parametrize("key", ["sk-test-0123456789\n", "sk-test 0123456789", "sk-tést-0123456789"])
def test_a_key_that_cannot_be_one_is_told_before_anything_is_sent(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, key: str
) -> None:
    """A line break or a blank from a careless paste: a mistake of usage, the variable is named, the key never shown."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("OPENAI_API_KEY", key)
    project = Project(tmp_path)
    project.suite(f"suite: hello\nprompt: hello:v1\n{cases('Ana')}\nchecks: [contains: hi]\n")
    with LLMServer() as server:
        project.live(server.url)
        ran = project.evalkit("run")
    assert server.requests == []
    assert ran.code == 2
    assert "OPENAI_API_KEY" in ran.out + ran.err
    assert "nothing was called" in ran.out + ran.err
    assert key.strip() not in ran.out + ran.err
