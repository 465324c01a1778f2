"""How many tokens a text or a request has: by a tokenizer where one works offline, else estimated from its size, and it says which."""

from __future__ import annotations

from dataclasses import dataclass
from math import ceil
from typing import TYPE_CHECKING, Literal, Protocol
from warnings import catch_warnings, simplefilter

from evalkit.canon import canonical_json

if TYPE_CHECKING:
    from collections.abc import Iterator

    from evalkit.model.calls import Request

TokenMethod = Literal["tokenizer", "estimate"]
"""``tokenizer``: counted with the model's own vocabulary. ``estimate``: one token per four bytes of UTF-8."""

EXTRA = "tokens"
"""The extra that brings the tokenizers."""

BYTES_PER_TOKEN = 4
_ESTIMATED_FRAME = 8
_FRAME = 4
_REPLY = 3
_PIECE = 50_000

_ENCODINGS = (
    ("gpt-4o", "o200k_base"),
    ("chatgpt-4o", "o200k_base"),
    ("gpt-4.1", "o200k_base"),
    ("gpt-4.5", "o200k_base"),
    ("gpt-5", "o200k_base"),
    ("gpt-oss", "o200k_base"),
    ("o1", "o200k_base"),
    ("o3", "o200k_base"),
    ("o4-mini", "o200k_base"),
    ("gpt-4", "cl100k_base"),
    ("gpt-3.5", "cl100k_base"),
    ("gpt-35", "cl100k_base"),
    ("text-embedding-3", "cl100k_base"),
    ("text-embedding-ada", "cl100k_base"),
)
"""Which vocabulary a family of models has, the first match wins. Source: ``tiktoken/model.py`` of tiktoken 0.14.0, which names none for
models after gpt-5.x. gpt-oss has a vocabulary of its own that differs from o200k_base in special tokens only."""


@dataclass(frozen=True, slots=True)
class TokenCount:
    """A number of tokens and how it was found."""

    tokens: int
    method: TokenMethod


class _Vocabulary(Protocol):
    """What is used of a ``bpe_openai.Encoding``."""

    def encode_ordinary(self, text: str) -> list[int]: ...


class TokenCounter:
    """Counts tokens; each vocabulary is loaded once, when it is first needed.

    The vocabularies are those of the package ``bpe-openai`` (extra ``tokens``), which carries them inside: nothing is downloaded. Without
    it, and for models whose vocabulary nobody publishes (Anthropic's, OpenAI's after gpt-5), the count is an estimate.
    """

    def __init__(self) -> None:
        self._vocabularies: dict[str, _Vocabulary | None] = {}

    def count(self, text: str, model: str) -> TokenCount:
        """Count the tokens of ``text`` for ``model`` (``provider/model``; behind a gateway the part after the last slash counts)."""
        vocabulary = self._vocabulary(model)
        if vocabulary is None:
            return TokenCount(estimated_tokens(text), "estimate")
        return TokenCount(sum(len(vocabulary.encode_ordinary(piece)) for piece in _pieces(text)), "tokenizer")

    def count_request(self, request: Request) -> TokenCount:
        """Count what ``request`` sends: its texts and the frame around each message.

        With a tokenizer a message costs 3 tokens and 1 for its role, and 3 begin the reply (OpenAI's cookbook, "How to count tokens with
        tiktoken", section 6); tools and schemas count as their JSON, which is near what providers make of them.
        """
        vocabulary = self._vocabulary(request.model)
        if vocabulary is None:
            return TokenCount(input_estimate(request), "estimate")
        texts = sum(self.count(text, request.model).tokens for text in request_texts(request))
        frame = _FRAME * len(request.messages) + _REPLY if request.kind == "chat" else 0
        return TokenCount(texts + frame, "tokenizer")

    def method(self, model: str) -> TokenMethod:
        """How the tokens of ``model`` are counted on this machine."""
        return "estimate" if self._vocabulary(model) is None else "tokenizer"

    def _vocabulary(self, model: str) -> _Vocabulary | None:
        name = encoding_of(model)
        if name is None:
            return None
        if name not in self._vocabularies:
            self._vocabularies[name] = _load(name)
        return self._vocabularies[name]


def encoding_of(model: str) -> str | None:
    """The name of the published vocabulary of ``model``, None if there is none."""
    name = model.rpartition("/")[2].lower().removeprefix("ft:")
    for family, encoding in _ENCODINGS:
        if name == family or name.startswith((f"{family}-", f"{family}.", f"{family}:")):
            return encoding
    return None


def estimated_tokens(text: str) -> int:
    """Return about how many tokens ``text`` has: UTF-8 bytes / 4, rounded up."""
    return ceil(_size(text) / BYTES_PER_TOKEN)


def input_estimate(request: Request) -> int:
    """Return about how many tokens ``request`` sends: UTF-8 bytes / 4, rounded up, and 8 for each message's frame.

    An estimate for reservations and forecasts, without a tokenizer and so fast; the provider's ``usage`` is the truth.
    """
    return ceil(sum(map(_size, request_texts(request))) / BYTES_PER_TOKEN) + _ESTIMATED_FRAME * len(request.messages)


def request_texts(request: Request) -> Iterator[str]:
    """Every text that ``request`` sends: messages, tool calls and tools, and the schema as JSON."""
    for message in request.messages:
        yield message.content
        for call in message.tool_calls:
            yield canonical_json(call.arguments)
    for tool in request.tools:
        yield f"{tool.name} {tool.description} {canonical_json(tool.parameters)}"
    if request.output_schema is not None:
        yield canonical_json(request.output_schema)


def _size(text: str) -> int:
    return len(text.encode("utf-8", "surrogatepass"))


def _pieces(text: str) -> Iterator[str]:
    """Pieces that the tokenizer takes (200,000 tokens, which 50,000 characters cannot have more of); a cut adds a token at most."""
    sound = text.encode("utf-8", "replace").decode()
    for start in range(0, len(sound), _PIECE):
        yield sound[start : start + _PIECE]


def _load(encoding: str) -> _Vocabulary | None:
    with catch_warnings():
        # It reads its data by a function that Python deprecates, which must not fail a test run that makes warnings errors.
        simplefilter("ignore", DeprecationWarning)
        try:
            import bpe_openai
        except ImportError:
            return None
        vocabulary: _Vocabulary = bpe_openai.get_encoding(encoding)
    return vocabulary
