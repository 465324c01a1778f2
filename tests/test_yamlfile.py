"""YAML is read as JSON values with lines, and nothing hostile gets past the parser's events."""

from __future__ import annotations

import json

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from evalkit.errors import EvalkitError
from evalkit.model.nodes import MAX_DEPTH
from evalkit.yamlfile import load_yaml, parse_yaml


def parsed(text: str) -> object:
    return parse_yaml(text, name="s.yaml").plain()


def refusal(text: str) -> str:
    with pytest.raises(EvalkitError) as caught:
        parse_yaml(text, name="s.yaml")
    return str(caught.value)


@pytest.fixture(params=["libyaml", "pure Python"], autouse=True)
def parser(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Everything here must hold with and without the C library."""
    if request.param == "pure Python":
        monkeypatch.delattr(yaml, "CSafeLoader", raising=False)


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        ("no", "no"), ("yes", "yes"), ("on", "on"), ("012", "012"), ("1:30", "1:30"), ("2026-11-21", "2026-11-21"),
        ("0x1F", "0x1F"), ("1_000", "1_000"), ("+49151", "+49151"), (".", "."), ("e5", "e5"), (".nan", ".nan"), ("-x", "-x"),
        ("true", True), ("False", False), ("null", None), ("~", None), ("", None),
        ("12", 12), ("-3", -3), ("0", 0), ("1.5", 1.5), (".5", 0.5), ("5.", 5.0), ("1e3", 1000.0), ("-1.5E-2", -0.015),
        ("'12'", "12"), ('"true"', "true"), ("'='", "="),
    ],
)  # fmt: skip
def test_only_what_is_unmistakable_gets_a_type(written: str, meant: object) -> None:
    """`no`, `012`, times and dates stay the text that was written; numbers and true/false are typed."""
    value = parsed(f"a: {written}\n")["a"]
    assert value == meant
    assert type(value) is type(meant)


def test_values_know_the_line_of_their_key() -> None:
    """A complaint about a nested value must name the line a reader would look at."""
    root = parse_yaml("# first\na: 1\nb:\n  c:\n    - x\n    - {d: 2}\n", name="s.yaml")
    assert root.value["a"].line == 2
    assert root.value["b"].line == 3
    assert root.value["b"].value["c"].line == 4
    assert [item.line for item in root.value["b"].value["c"].value] == [5, 6]


def test_anchors_and_merge_keys_work() -> None:
    """Shared parts may be written once; explicit keys win over merged ones."""
    text = "base: &b {x: 1, y: 2}\none: {<<: *b, y: 3}\ntwo: {y: 4, <<: [*b, {z: 5}]}\nthree: *b\n"
    assert parsed(text) == {
        "base": {"x": 1, "y": 2}, "one": {"y": 3, "x": 1}, "two": {"y": 4, "x": 1, "z": 5}, "three": {"x": 1, "y": 2}
    }  # fmt: skip


def test_an_alias_is_blamed_where_it_is_used() -> None:
    """The line of an aliased value is that of the alias."""
    root = parse_yaml("a: &x [1]\nb: 2\nc: *x\n", name="s.yaml")
    assert root.value["c"].line == 3


BOMB = "a0: &a0 [x,x,x,x,x,x,x,x,x]\n" + "".join(
    f"a{i}: &a{i} [{','.join([f'*a{i - 1}'] * 9)}]\n" for i in range(1, 10)
)
CHAIN = "a0: &a0 [x]\n" + "".join(f"a{i}: &a{i} [*a{i - 1}]\n" for i in range(1, 80))


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("a: !env KEY\n", ["s.yaml:1", "tag", "!env"]),
        ("a:\n  - !!python/object:os.system x\n", ["s.yaml:2", "tag"]),
        ("a: ! x\n", ["s.yaml:1", "tag"]),
        ("a: 1\nb: 2\na: 3\n", ["s.yaml:3", "'a'", "twice", "line 1"]),
        ("{a: 1, a: 2}", ["s.yaml:1", "twice"]),
        ("a: 1\n---\nb: 2\n", ["s.yaml:2", "document"]),
        ("a:\n\t- b\n", ["s.yaml:2", "tab"]),
        ("a: b\n\tc: d\n", ["s.yaml:2", "tab"]),
        ("a: 1\nb: x\0y\n", ["s.yaml:2", "control", "U+0000"]),
        ("a: 'x\u2028y'\n", ["s.yaml:1", "U+2028", "escape"]),
        ("1: x\n", ["s.yaml:1", "'1'", "quote"]),
        ("true: x\n", ["s.yaml:1", "bool", "quote"]),
        ("? [a]\n: b\n", ["s.yaml:1", "key"]),
        ("a: {{ name }}\n", ["s.yaml:1", 'quote', '"{{ name }}"']),
        ("a: *b\n", ["s.yaml:1", "*b", "no anchor"]),
        ("a: &a [*a]\n", ["s.yaml:1", "itself"]),
        ("a: 1\n<<: 3\n", ["s.yaml:2", "merges"]),
        ("a: b: c\n", ["s.yaml:1", "quote"]),
        ("a: @x\n", ["s.yaml:1", "quote"]),
        ("a: [1,\nb: 2\n", ["s.yaml:", "not valid YAML"]),
        ('a: "\\ud800"\n', ["s.yaml:1"]),
        ("a: 1e999\n", ["s.yaml:1", "too large"]),
        ("a: " + "9" * 5000 + "\n", ["s.yaml:1", "5000 digits"]),
        (BOMB, ["s.yaml:", "aliases expand"]),
        (CHAIN, ["s.yaml:51", "nested"]),
        ("[" * 20_000, ["nested"]),
        ("{a: " * 20_000, ["nested"]),
        ("".join(" " * i + "a:\n" for i in range(300)), ["s.yaml:50", "nested"]),
    ],
)  # fmt: skip
def test_what_is_not_plain_data_is_refused_with_its_line(text: str, words: list[str]) -> None:
    """Tags, bombs, doubled keys, tabs, NULs and depth each give one clear error, quickly."""
    message = refusal(text)
    assert len(message) < 600
    for word in words:
        assert word in message


@pytest.mark.parametrize("text", ["", "# nothing\n", "---\n...\n", "~\n"])
def test_an_empty_file_is_refused_and_an_empty_text_is_nothing(tmp_path, text: str) -> None:
    """A file without data is a mistake; front matter may be left empty."""
    path = tmp_path / "s.yaml"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(EvalkitError, match=r"s\.yaml:1: the file is empty"):
        load_yaml(path, root=tmp_path)
    assert parse_yaml(text, name="p.j2", first_line=2).value is None


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("a: &x 1\n", ["anchors and aliases"]),
        ("b:\n- &x [1]\n", ["anchors and aliases"]),
        ("a: 1\n<<: {b: 2}\n", ["anchors and aliases", "<<"]),
        ("a: 1\nb: *x\n", ["anchors and aliases"]),
        ("a: 1\nb: [\n", ["not valid YAML"]),
        ("a: 1\nb: x\0y\n", ["control"]),
        ("a: 1\nb: !t x\n", ["tags"]),
    ],
)
def test_a_reader_may_refuse_aliases_and_begin_in_the_middle_of_a_file(text: str, words: list[str]) -> None:
    """Without aliases not even a merge key is left, and every line is counted from where the text begins."""
    with pytest.raises(EvalkitError) as caught:
        parse_yaml(text, name="p.j2", first_line=10, aliases=False)
    message = str(caught.value)
    assert message.startswith(f"p.j2:{10 + text.count(chr(10)) - 1}: " if "\n" in text[:-1] else "p.j2:10: "), message
    for word in words:
        assert word in message
    assert parse_yaml("a: 1\n", name="p.j2", first_line=10, aliases=False).value["a"].line == 10


def test_depth_up_to_the_limit_is_fine() -> None:
    """The limit refuses attacks, not data."""
    assert parsed("[" * MAX_DEPTH + "]" * MAX_DEPTH) is not None
    assert "nested" in refusal("[" * (MAX_DEPTH + 1) + "]" * (MAX_DEPTH + 1))


def test_a_long_text_may_be_shared_by_many_cases() -> None:
    """One policy of 2 kB, used 5,000 times through an alias, is no bomb."""
    text = f"policy: &p {'word ' * 400}\nuses:\n" + "- *p\n" * 5000
    assert len(parsed(text)["uses"]) == 5000


@pytest.mark.parametrize("content", [b"\xef\xbb\xbfa: 1\nb: x\n", b"a: 1\r\nb: x\r\n", b"---\na: 1\nb: x\n...\n"])
def test_files_from_any_editor_are_accepted(tmp_path, content: bytes) -> None:
    """A byte-order mark, Windows line ends and document markers change nothing."""
    path = tmp_path / "s.yaml"
    path.write_bytes(content)
    root = load_yaml(path, root=tmp_path)
    assert root.plain() == {"a": 1, "b": "x"}


def test_a_file_that_is_not_utf8_names_the_byte_and_line(tmp_path) -> None:
    """Latin-1 is refused with the place, not decoded by guess."""
    path = tmp_path / "s.yaml"
    path.write_bytes(b"a: 1\nb: caf\xe9\n")
    with pytest.raises(EvalkitError, match=r"s\.yaml:2: not UTF-8: byte 0xe9"):
        load_yaml(path, root=tmp_path)


def test_a_missing_file_is_refused(tmp_path) -> None:
    """Also what the system refuses comes out under evalkit's own root."""
    with pytest.raises(EvalkitError, match="cannot read"):
        load_yaml(tmp_path / "none.yaml", root=tmp_path)


_PIECES = st.sampled_from(
    ["a: ", "b:\n", "  ", "- ", "[", "]", "{", "}", "&x ", "*x", "!t ", "<<: ", "\n", "'", '"', "1", "no", ", ", "? ", "|\n", "\t", "---\n", "#", "%"]
)  # fmt: skip


@given(st.lists(_PIECES | st.text(max_size=4), max_size=40).map("".join))
def test_arbitrary_text_gives_json_or_an_error(text: str) -> None:
    """Whatever is in the file, the loader returns plain JSON or raises EvalkitError."""
    try:
        value = parse_yaml(text, name="s.yaml").plain()
    except EvalkitError:
        return
    json.dumps(value, allow_nan=False)


_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(st.characters(exclude_categories=["Cs", "Zl", "Zp"], exclude_characters="\ufffe\uffff" + "".join(map(chr, range(0x7F, 0xA0))))),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text("abcxyz", max_size=3), inner, max_size=4),
    max_leaves=12,
)  # fmt: skip


@given(st.dictionaries(st.text("abc", min_size=1, max_size=3), _JSON, min_size=1, max_size=4))
def test_json_is_yaml(value: dict[str, object]) -> None:
    """Any JSON object, written as JSON, reads back as itself."""
    assert parsed(json.dumps(value, indent=1, ensure_ascii=False)) == value
