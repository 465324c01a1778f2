"""Token counts: by the model's vocabulary where one is published and installed, else estimated, and always labelled."""

from __future__ import annotations

import sys

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from evalkit.metrics.tokens import TokenCount, TokenCounter, encoding_of, estimated_tokens, input_estimate
from evalkit.model.calls import Message, Request, Tool, ToolCall

COUNTER = TokenCounter()
PANGRAM = "The quick brown fox jumps over the lazy dog."


def chat(*texts: str, model: str = "openai/gpt-4o", **more: object) -> Request:
    return Request(model, tuple(Message("user", text) for text in texts), **more)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("text", "model", "tokens"),
    [
        ("tiktoken is great!", "openai/gpt-4", 6),  # the cookbook's own example
        ("antidisestablishmentarianism", "openai/gpt-3.5-turbo", 6),  # as above, section 5
        ("2 + 2 = 4", "openai/gpt-4", 7),
        ("お誕生日おめでとう", "openai/gpt-4-turbo", 9),
        (PANGRAM, "openai/gpt-5-mini", 10),
        ("", "openai/gpt-4o", 0),
    ],
)
def test_published_vocabularies_count_as_their_author_does(text: str, model: str, tokens: int) -> None:
    """The examples of OpenAI's cookbook, "How to count tokens with tiktoken"."""
    assert COUNTER.count(text, model) == TokenCount(tokens, "tokenizer")


@pytest.mark.parametrize(
    ("model", "encoding"),
    [
        ("openai/gpt-4o-mini-2024-07-18", "o200k_base"),
        ("azure/gpt-4.1-nano", "o200k_base"),
        ("openrouter/openai/gpt-5.5", "o200k_base"),
        ("openai/o3", "o200k_base"),
        ("openai/o3-mini", "o200k_base"),
        ("openai/ft:gpt-4o-mini:acme", "o200k_base"),
        ("openai/ft:gpt-3.5-turbo:acme", "cl100k_base"),
        ("openai/gpt-4-turbo", "cl100k_base"),
        ("openai/text-embedding-3-small", "cl100k_base"),
        ("openai/gpt-6-sol", None),
        ("openai/o30", None),
        ("openai/gpt-40", None),
        ("anthropic/claude-sonnet-4-5", None),
        ("scripted/m", None),
        ("", None),
    ],
)
def test_a_model_has_its_own_vocabulary_or_none(model: str, encoding: str | None) -> None:
    """Names go by family, whoever serves them; a family whose vocabulary nobody published gets no other's."""
    assert encoding_of(model) == encoding
    assert COUNTER.method(model) == ("tokenizer" if encoding else "estimate")


def test_what_cannot_be_counted_is_estimated_and_says_so() -> None:
    """One token per four bytes of UTF-8: a script with more bytes has more tokens."""
    assert COUNTER.count(PANGRAM, "anthropic/claude-sonnet-4-5") == TokenCount(11, "estimate")
    assert COUNTER.count("界" * 8, "mistral/large") == TokenCount(6, "estimate")
    request = chat(PANGRAM, model="anthropic/claude-sonnet-4-5")
    assert COUNTER.count_request(request) == TokenCount(input_estimate(request), "estimate")


def test_without_the_package_everything_is_estimated(monkeypatch: pytest.MonkeyPatch) -> None:
    """A missing extra is no error: the count falls back."""
    monkeypatch.setitem(sys.modules, "bpe_openai", None)
    assert TokenCounter().count(PANGRAM, "openai/gpt-4o") == TokenCount(11, "estimate")


def test_a_request_is_its_texts_and_the_frame_of_each_message() -> None:
    """The cookbook: 3 tokens and a role for each message, 3 for the beginning of the reply; an embedding has no frame."""
    bare = COUNTER.count(PANGRAM, "openai/gpt-4o").tokens
    assert COUNTER.count_request(chat(PANGRAM)).tokens == bare + 4 + 3
    assert COUNTER.count_request(chat(PANGRAM, PANGRAM)).tokens == 2 * bare + 8 + 3
    assert COUNTER.count_request(chat(PANGRAM, kind="embed")).tokens == bare
    schema = {"type": "object", "properties": {"a": {"type": "string"}}}
    for more in ({"tools": (Tool("t", "does it", schema),)}, {"output_schema": schema}):
        assert COUNTER.count_request(chat(PANGRAM, **more)).tokens > bare + 7 + 10
    asked = Request("openai/gpt-4o", (Message("assistant", "", (ToolCall("1", "t", {"city": "Rome"}),)),))
    assert COUNTER.count_request(asked).tokens > 7


@pytest.mark.parametrize("text", ["<|endoftext|>" * 3, "\ud800 lone", "a" * 1_200_000, "界" * 250_000, "\x00\n" * 9])
def test_hostile_text_is_counted(text: str) -> None:
    """Control tokens are text like any other, halves of characters and a megabyte of one letter do not break it."""
    found = COUNTER.count(text, "openai/gpt-4o")
    assert found.method == "tokenizer"
    assert 1 < found.tokens <= len(text.encode("utf-8", "surrogatepass"))


@settings(deadline=None, max_examples=60)
@given(st.text(max_size=300))
def test_no_text_has_more_tokens_than_bytes(text: str) -> None:
    """What the look for requests that are too long rests on: a request with fewer bytes than the window has tokens fits."""
    size = len(text.encode("utf-8", "surrogatepass"))
    assert COUNTER.count(text, "openai/gpt-4o").tokens <= max(size, 1)
    assert estimated_tokens(text) <= size
