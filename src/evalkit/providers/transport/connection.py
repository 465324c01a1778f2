"""Where a live provider connects, and with which key: options of ``[tool.evalkit.providers.<name>]`` and the environment."""

from __future__ import annotations

import os
import re
from dataclasses import dataclass
from importlib.metadata import version
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from evalkit.errors import ConfigError
from evalkit.tomlfile import project_file

if TYPE_CHECKING:
    from collections.abc import Mapping

    from evalkit.model.calls import Transport
    from evalkit.providers.base import ProviderSettings

_LOOPBACK = frozenset({"127.0.0.1", "localhost", "::1"})
_NO_KEY = "none"  # what a local server without a key is sent: the SDKs refuse to be built without one


@dataclass(frozen=True, slots=True)
class Connection:
    """Where and how a provider connects.

    ``base_url`` None is the vendor's own address; ``key_env`` names the key's variable. ``transport`` and ``stream`` hold for
    requests whose :class:`evalkit.model.calls.Delivery` asks for nothing else.
    """

    base_url: str | None
    key_env: str
    headers: Mapping[str, str]
    transport: Transport = "sdk"
    stream: bool = False

    @property
    def shown_url(self) -> str:
        """The base URL as part of a request's identity; ``default`` when none is configured."""
        return self.base_url or "default"

    @property
    def local(self) -> bool:
        """Whether the server is on this machine, so that a key is not needed."""
        return self.base_url is not None and urlsplit(self.base_url).hostname in _LOOPBACK

    def key(self) -> str:
        """Return the API key. Raises ConfigError if :meth:`problem` has something to say."""
        problem = self.problem()
        if problem is not None:
            raise ConfigError(problem)
        return os.environ.get(self.key_env) or _NO_KEY

    def sent_headers(self, extra: Mapping[str, str]) -> dict[str, str]:
        """Return the headers of a JSON request without an SDK, in lower case: the configured ones win over ``extra`` and the key."""
        return {
            "accept": "application/json",
            "content-type": "application/json",
            "user-agent": f"evalkit/{version('pytest-evalkit')}",
            "authorization": f"Bearer {self.key()}",
            **extra,
            **{name.lower(): value for name, value in self.headers.items()},
        }

    def problem(self) -> str | None:
        """Return why no live call can be made, with what to do, or None."""
        key = os.environ.get(self.key_env)
        if not key:
            state = "not set" if key is None else "empty (in CI: no secret reached this job)"
            what_to_do = "export it, or run offline with --evalkit-mode replay"
            return None if self.local else f"{self.key_env} is {state}; {what_to_do}"
        if not key.isascii():
            return f"{self.key_env} holds a character that is not ASCII, so it is no key; copy it again from its source"
        if not key.isprintable() or " " in key:
            return f"{self.key_env} holds whitespace (a blank or a line break) or a control character; export it again"
        return None


def connection(settings: ProviderSettings, *, base_url_env: str, key_env: str) -> Connection:
    """Read a live provider's common options, and the environment. Raises ConfigError."""
    base_url = text_option(settings, "base_url") or os.environ.get(base_url_env) or None
    headers = settings.options.get("headers", {})
    if not isinstance(headers, dict) or not all(isinstance(value, str) for value in headers.values()):
        raise option_error(settings, "headers is not a table of texts", hint='write headers = {"X-Name" = "value"}')
    unfit = [name for name, value in headers.items() if not _is_header(name, value)]
    if unfit:
        hint = "a name is letters, digits and -, a value ASCII in one line"
        raise option_error(settings, f"headers: {unfit[0]!r} cannot be sent", hint=hint)
    stream = settings.options.get("stream", False)
    if not isinstance(stream, bool):
        raise option_error(settings, f"stream is {stream!r}, which is not true or false")
    if base_url is not None:
        base_url = base_url.rstrip("/")
        _check_url(base_url, settings)
    return Connection(
        base_url=base_url,
        key_env=text_option(settings, "api_key_env") or key_env,
        headers=headers,
        transport="http" if text_option(settings, "transport", choices=("sdk", "http")) == "http" else "sdk",
        stream=stream,
    )


def _is_header(name: str, value: str) -> bool:
    return bool(re.fullmatch(r"[A-Za-z0-9!#$%&'*+.^_`|~-]+", name)) and value.isascii() and value.isprintable()


def text_option(settings: ProviderSettings, name: str, *, choices: tuple[str, ...] = ()) -> str | None:
    """Return a provider's option that must be a text (one of ``choices``), or None. Raises ConfigError."""
    value = settings.options.get(name)
    if value is None:
        return None
    if not isinstance(value, str) or not value or (choices and value not in choices):
        wanted = f"one of {', '.join(choices)}" if choices else "a text"
        raise option_error(settings, f"{name} is {value!r}, which is not {wanted}")
    return value


def option_error(settings: ProviderSettings, problem: str, *, hint: str | None = None) -> ConfigError:
    """Return the error about an entry of ``[tool.evalkit.providers.<name>]``."""
    hint = hint or "docs/reference/configuration.md lists what a provider takes"
    where = project_file(settings.root).where("providers", settings.name, problem.partition(" ")[0].strip(":"))
    return ConfigError(f"[tool.evalkit.providers.{settings.name}]: {problem}", hint=hint, where=where)


def _check_url(url: str, settings: ProviderSettings) -> None:
    try:
        parts = urlsplit(url)
        sound = parts.scheme in {"http", "https"} and parts.hostname and (parts.port or 1) > 0 and url.isprintable()
    except ValueError:  # an address or a port that is none
        sound = False
    if not sound or " " in url:
        hint = 'write base_url = "https://host/v1"'
        raise option_error(settings, f"base_url {url!r} is not an http or https URL", hint=hint)
    if parts.username is not None or parts.query or parts.fragment:
        raise option_error(
            settings,
            "base_url holds a user name, a query or a fragment",
            hint="put the key into the environment and name the variable in api_key_env",
        )
