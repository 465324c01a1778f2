"""Server-sent events, wherever the network cuts them."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from evalkit.providers.transport.sse import EventParser

STREAM = (
    b'\xef\xbb\xbf: hello\nevent: message\ndata: {"a": 1}\n\n\n\r\nid: 7\rdata:no blank\rdata:  two\r\r'
    b"data\ndata: after nothing\r\n\r\nretry: 5\ndata: [DONE]\n\ndata: never ended\n"
)
EVENTS = [b'{"a": 1}', b"no blank\n two", b"\nafter nothing", b"[DONE]"]


def parsed(pieces: list[bytes]) -> list[bytes]:
    parser = EventParser()
    return [data for piece in pieces for data in parser.feed(piece)]


def cut(stream: bytes, places: list[int]) -> list[bytes]:
    ends = [0, *sorted(place % (len(stream) + 1) for place in places), len(stream)]
    return [stream[a:b] for a, b in zip(ends, ends[1:], strict=False)]


def test_events_are_read():
    """Comments, other fields, every kind of line end, several data lines, and an event that never ends."""
    assert parsed([STREAM]) == EVENTS


@given(st.lists(st.integers(0, 10_000), max_size=40))
def test_it_does_not_matter_where_the_network_cuts(places):
    """The same events come out of the same bytes, however they arrive, an empty piece included."""
    assert parsed(cut(STREAM, places)) == EVENTS


@pytest.mark.parametrize("end", [b"\n", b"\r", b"\r\n"])
def test_byte_by_byte(end):
    """A line end of two bytes is one, also between two pieces."""
    stream = end.join([b"data: a", b"data: b", b"", b"data: c", b"", b""])
    assert parsed([stream[i : i + 1] for i in range(len(stream))]) == [b"a\nb", b"c"]


@given(st.binary(max_size=300), st.lists(st.integers(0, 300), max_size=10))
def test_any_bytes_are_events_or_nothing(stream, places):
    """No bytes crash the parser, and cutting changes nothing about any of them."""
    assert parsed(cut(stream, places)) == parsed([stream])


def test_a_long_event_in_small_pieces_is_whole():
    """A line of a megabyte that comes ten bytes at a time is one line."""
    pieces = [b"data: ", *[b"0123456789"] * 100_000, b"\n", b"\n"]
    assert parsed(pieces) == [b"0123456789" * 100_000]
