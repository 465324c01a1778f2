"""What every test gets: no network beyond this machine, and no keys or endpoints from the developer's environment."""

from __future__ import annotations

import gc
import os
import socket
from typing import Any

import hypothesis
import pytest
from fakes.eval_project import UNUSED_PLUGINS

# A busy machine is no defect. What else the profile says (in CI: the same examples each time) stays.
hypothesis.settings.register_profile("evalkit", hypothesis.settings(deadline=None))
hypothesis.settings.load_profile("evalkit")

pytest_plugins = ["pytester"]

_LOCAL = {"127.0.0.1", "::1", "localhost"}
_FOREIGN = ("OPENAI_", "ANTHROPIC_", "EVALKIT_")
_PROXIES = {"http_proxy", "https_proxy", "all_proxy", "no_proxy"}


def pytest_unconfigure() -> None:
    """What eval_project left aside is collected at the end: DuckDB's module counts on it."""
    gc.unfreeze()


class NetworkUsedError(Exception):
    """A test tried to leave the machine."""


@pytest.fixture(autouse=True)
def _no_network(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let sockets reach loopback and unix sockets only, and look up no other host's name."""
    connect, connect_ex, lookup = socket.socket.connect, socket.socket.connect_ex, socket.getaddrinfo

    def guard(host: Any) -> None:
        if isinstance(host, bytes):
            host = host.decode("ascii", "replace")
        if host is not None and host not in _LOCAL:
            message = f"a test tried to reach {host!r}; only loopback is allowed"
            raise NetworkUsedError(message)

    def guarded(real: Any) -> Any:
        def call(self: socket.socket, address: Any) -> Any:
            if self.family in {socket.AF_INET, socket.AF_INET6}:
                guard(address[0])
            return real(self, address)

        return call

    def guarded_lookup(host: Any, *args: Any, **kwargs: Any) -> Any:
        guard(host)
        return lookup(host, *args, **kwargs)

    monkeypatch.setattr(socket.socket, "connect", guarded(connect))
    monkeypatch.setattr(socket.socket, "connect_ex", guarded(connect_ex))
    monkeypatch.setattr(socket, "getaddrinfo", guarded_lookup)


@pytest.fixture(autouse=True)
def _clean_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """Take the providers' variables and the proxies out of the environment; sessions that a test starts load few plugins."""
    for name in list(os.environ):
        if name.startswith(_FOREIGN) or name.lower() in _PROXIES:
            monkeypatch.delenv(name)
    monkeypatch.setenv("PYTEST_ADDOPTS", " ".join(UNUSED_PLUGINS))
