"""What is sent to a model and what comes back: frozen values, no behaviour beyond identity.

Units: ``*_s`` seconds, ``*_usd`` US dollars, ``*_tokens`` provider tokens. ``None`` is unknown and never 0.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal, TypeAlias

from evalkit.canon import digest
from evalkit.errors import FailureKind
from evalkit.rates import RateLimits

if TYPE_CHECKING:
    JSON: TypeAlias = "Mapping[str, JSON] | list[JSON] | tuple[JSON, ...] | str | int | float | bool | None"
else:
    JSON: TypeAlias = Any  # a recursive alias would send pydantic's schema builder into a loop

Role = Literal["system", "user", "assistant", "tool"]
RequestKind = Literal["chat", "embed", "moderate"]
Finish = Literal["stop", "length", "filtered", "refusal", "tool_calls", "unknown"]
Source = Literal["live", "cache", "replay", "scripted", "shared"]
"""Where a reply came from. ``shared``: an identical request of the same run was already answered."""
Transport = Literal["sdk", "http"]


@dataclass(frozen=True, slots=True)
class ToolCall:
    """A tool the model asked to call. ``arguments`` is parsed JSON, or the raw text when it does not parse."""

    id: str
    name: str
    arguments: JSON


@dataclass(frozen=True, slots=True)
class Message:
    """One message of a conversation."""

    role: Role
    content: str
    tool_calls: tuple[ToolCall, ...] = ()
    tool_call_id: str | None = None


@dataclass(frozen=True, slots=True)
class Tool:
    """A tool offered to the model. ``parameters`` is a JSON Schema."""

    name: str
    description: str
    parameters: Mapping[str, JSON]


@dataclass(frozen=True, slots=True)
class Delivery:
    """How a request travels. It changes no answer, so it is no part of a request's key.

    ``stream`` asks for the answer piece by piece, which measures the time to first token. ``transport`` is ``sdk`` (the vendor's
    client) or ``http`` (a lean one of evalkit's); None leaves it to the provider's configuration.
    """

    stream: bool = False
    transport: Transport | None = None


class _Keyed:
    """Room for a key that is computed once: without it each request would need a dictionary of its own, 700 bytes."""

    __slots__ = ("_key",)
    _key: str


@dataclass(frozen=True, slots=True)
class Request(_Keyed):
    """Exactly what is sent, and nothing that is not.

    ``model`` is ``<provider>/<model>`` as written in the suite. ``endpoint`` is the provider's kind and base URL
    (``openai https://…/v1 chat``), because the same model name behind another URL is another model. ``params`` holds the
    sampling parameters under evalkit's names (``temperature``, ``max_output_tokens``, …). ``output_schema`` is a JSON Schema
    for structured output. ``repeat`` counts from 0 and makes each repeat its own request. ``messages`` carry a chat;
    an embed or moderate request carries one user message per text.
    """

    model: str
    messages: tuple[Message, ...]
    params: Mapping[str, JSON] = field(default_factory=dict)
    tools: tuple[Tool, ...] = ()
    output_schema: Mapping[str, JSON] | None = None
    endpoint: str = ""
    repeat: int = 0
    kind: RequestKind = "chat"
    delivery: Delivery = field(default_factory=Delivery)

    @property
    def provider(self) -> str:
        """The provider's name: the part of ``model`` before the first slash."""
        return self.model.partition("/")[0]

    @property
    def model_name(self) -> str:
        """The model's name as the provider knows it: the part of ``model`` after the first slash."""
        return self.model.partition("/")[2]

    @property
    def key(self) -> str:
        """The sha256 (64 hex) over everything that changes the answer. Cache, recording, dedupe and resume all use it."""
        try:
            return self._key
        except AttributeError:
            object.__setattr__(self, "_key", digest(self.identity()))
            return self._key

    def asked_as(self, key: str) -> Request:
        """This request under the key that it was asked with: what was redacted in a file would hash to another one."""
        object.__setattr__(self, "_key", key)
        return self

    def identity(self) -> dict[str, Any]:
        """The plain-JSON value that :attr:`key` is the digest of; a replay miss compares these field by field."""
        return {
            "kind": self.kind,
            "model": self.model,
            "endpoint": self.endpoint,
            "messages": [_message_identity(message) for message in self.messages],
            "params": dict(self.params),
            "tools": [[tool.name, tool.description, tool.parameters] for tool in self.tools],
            "output_schema": self.output_schema,
            "repeat": self.repeat,
        }


def _message_identity(message: Message) -> dict[str, Any]:
    identity: dict[str, Any] = {"role": message.role, "content": message.content}
    if message.tool_calls:
        identity["tool_calls"] = [[call.id, call.name, call.arguments] for call in message.tool_calls]
    if message.tool_call_id is not None:
        identity["tool_call_id"] = message.tool_call_id
    return identity


@dataclass(frozen=True, slots=True)
class Usage:
    """Tokens as the provider counted them. ``input_tokens`` includes cached ones, for every provider.

    ``cached_input_tokens`` were read from the provider's prompt cache, ``cache_write_tokens`` written to it; both are part of
    ``input_tokens``. ``reasoning_tokens`` are part of ``output_tokens``.
    """

    input_tokens: int | None = None
    output_tokens: int | None = None
    cached_input_tokens: int | None = None
    reasoning_tokens: int | None = None
    cache_write_tokens: int | None = None


@dataclass(frozen=True, slots=True)
class Response:
    """An answer. ``latency_s`` is that of the attempt that succeeded, waits and failed attempts excluded.

    ``first_token_s`` is the time to first token of a streamed answer. ``limits`` is what the reply said of the account's rate
    limits: the engine reads it and drops it, so that it is None in whatever is stored.

    ``repaired`` says that characters no text may hold (lone surrogates) were replaced. ``vectors`` is filled for embed
    requests (one per text), ``labels`` for moderate requests (flagged categories).
    """

    text: str
    finish: Finish = "stop"
    usage: Usage = field(default_factory=Usage)
    latency_s: float | None = None
    served_model: str | None = None
    request_id: str | None = None
    tool_calls: tuple[ToolCall, ...] = ()
    refusal: str | None = None
    repaired: bool = False
    vectors: tuple[tuple[float, ...], ...] = ()
    labels: tuple[str, ...] = ()
    first_token_s: float | None = None
    limits: RateLimits | None = field(default=None, repr=False, compare=False)


@dataclass(frozen=True, slots=True)
class CallFailure:
    """A request without an answer, as data: never an exception once it leaves the engine, never an empty text."""

    kind: FailureKind
    message: str
    attempts: int
    hint: str | None = None


Reply: TypeAlias = Response | CallFailure


@dataclass(frozen=True, slots=True)
class Attempt:
    """One try at a request. ``wait_s`` is the pause before it; ``failure`` is None for the one that succeeded."""

    number: int
    started_at: float
    latency_s: float
    wait_s: float = 0.0
    status: int | None = None
    failure: FailureKind | None = None
    message: str = ""


@dataclass(frozen=True, slots=True)
class Call:
    """One request settled: the reply, where it came from, every attempt, and what it cost or would have cost.

    ``cost_usd`` is usage × price whatever the source (None if usage or price is unknown); ``paid_usd`` is what this run
    really paid: 0.0 unless ``source`` is ``live``. ``settled_at`` is Unix time in seconds.
    """

    request: Request
    reply: Reply
    source: Source
    attempts: tuple[Attempt, ...] = ()
    cost_usd: float | None = None
    settled_at: float = 0.0

    @property
    def paid_usd(self) -> float | None:
        """US dollars this run paid for the call; None if it was live and the price is unknown."""
        return self.cost_usd if self.source == "live" else 0.0
