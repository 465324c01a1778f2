"""Datasets that are wrong: CSV, JSON Lines, YAML and Parquet."""

from __future__ import annotations

from bad_input import HEAD, PROMPT, SUITE, BadInput, Content, fifo, folder, link, parquet, unix_socket

SUITE_LINE = f"{SUITE}:5"


def data(name: str, file: str, content: Content, *says: str, line: int | None = None, extra: str = "") -> BadInput:
    """``line`` is that of the dataset; None: the suite's line that names it."""
    at = SUITE_LINE if line is None else f"suites/data/{file}:{line}" if line else f"suites/data/{file}"
    text = f"{HEAD}checks: [contains: hi]\ncases:\n  - {{file: data/{file}{extra}}}\n"
    return BadInput(name, {SUITE: text, f"suites/data/{file}": content}, says, at=at)


def rows(name: str, text: str | bytes, *says: str, line: int | None = None, extra: str = "") -> BadInput:
    return data(f"csv-{name}", "d.csv", text, *says, line=line, extra=extra)


def lines(name: str, text: str | bytes, *says: str, line: int | None = None) -> BadInput:
    return data(f"jsonl-{name}", "d.jsonl", text, *says, line=line)


def yaml(name: str, text: str | bytes, *says: str, line: int | None = None) -> BadInput:
    return data(f"yaml-data-{name}", "d.yaml", text, *says, line=line)


def table(name: str, query: str, *says: str, line: int | None = 0) -> BadInput:
    return data(f"parquet-{name}", "d.parquet", parquet(query), *says, line=line)


CSV = (
    rows("empty", "", "has no rows"),
    rows("only-header", "id,q\n", "has no rows"),
    rows("only-header-with-mark", b"\xef\xbb\xbfid,q\n", "has no rows"),
    rows("short-row", "id,q\na,hi\nb\n", "1 cells", "header has 2", line=3),
    rows("long-row", "id,q\na,hi\nb,hi,ho\n", "3 cells", "header has 2", line=3),
    rows("header-twice", "id,q,q\na,hi,ho\n", "'q'", "more than once", line=1),
    rows("header-without-name", "id,,q\na,hi,ho\n", "no name", line=1),
    rows("column-missing", "id,z\na,hi\nb,hi\nc,hi\n", "'q'", "z", "2 more rows", line=2),
    rows("semicolons", "id;q\na;hi\n", "commas", line=1),
    rows("tabs", "id\tq\na\thi\n", "commas", line=1),
    rows("open-quote", 'id,q\na,"hi\nb,hi\n', "not valid CSV", line=2),
    rows("text-behind-quote", 'id,q\na,"hi" x\n', "not valid CSV", line=2),
    rows("nul", "id,q\na,h\0i\n", "NUL", line=2),
    rows("latin-1", "id,q\na,hé\n".encode("latin-1"), "not UTF-8", "0xe9", line=2),
    rows("utf-16", "id,q\na,hé\n".encode("utf-16"), "not UTF-8", "UTF-16", line=1),
    rows("twin-ids", "id,q\na,hi\na,ho\n", "'a'", "twice", "line 2", line=3),
    rows("id-with-blank", "id,q\na b,hi\n", "characters", line=2),
    rows("huge-cell", "id,q\na," + "x" * 200_000 + "\n", "field limit", "JSONL", line=2),
    rows("bad-tag", "id,q,tags\na,hi,a b!\n", "not a tag", line=2),
    rows("checks-column", "id,q,checks\na,hi,contains\n", "checks is text", line=2),
    rows("expectation-without-name", "id,q,expect\na,hi,x\n", "needs a name", line=2),
    rows("many-columns", ",".join(f"c{n}" for n in range(20_000)) + "\n" + "x," * 19_999 + "x\n", "'q'", "and 19,980 more", line=2),
    rows("map-unknown-key", "id,q\na,hi\n", "unknown key 'var'", extra=", map: {var: q}"),
    rows("map-missing-column", "id,z\na,hi\nb,ho\n", "'q'", "not there", line=2, extra=", map: {vars: {q: q}}"),
    rows("map-list", "id,q\na,hi\n", "map is a list", extra=", map: [q]"),
    rows("unknown-entry-key", "id,q\na,hi\n", "unknown key 'mpa'", "map", extra=", mpa: {}"),
)  # fmt: skip

JSONL = (
    lines("empty", "", "has no rows"),
    lines("blank-lines", "\n\n", "has no rows"),
    lines("cut-off", '{"id":"a","q":"hi"}\n{"id":"b","q', "not valid JSON", "cut off", line=2),
    lines("list", "[1]\n", "a row is a list", line=1),
    lines("number", "5\n", "a row is a number", line=1),
    lines("null", "null\n", "a row is empty", line=1),
    lines("key-twice", '{"id":"a","q":"hi","q":"ho"}\n', "'q'", "twice", line=1),
    lines("nan", '{"id":"a","q":NaN}\n', "NaN", line=1),
    lines("infinity", '{"id":"a","q":-Infinity}\n', "Infinity", line=1),
    lines("too-large", '{"id":"a","q":1e999}\n', "not a JSON number", line=1),
    lines("long-number", '{"id":"a","q":' + "9" * 5000 + "}\n", "thousands of digits", line=1),
    lines("deep", '{"id":"a","q":' + "[" * 100_000 + "]" * 100_000 + "}\n", "nested more than 50", line=1),
    lines("deep-enough", '{"id":"a","q":' + "[" * 60 + "]" * 60 + "}\n", "nested more than 50", line=1),
    lines("half-a-character", '{"id":"a","q":"\\ud800"}\n', "half of a character", line=1),
    lines("one-array", '[\n{"id":"a","q":"hi"}\n]\n', "one object per line", line=1),
    lines("pretty-printed", '{\n"id":"a",\n"q":"hi"\n}\n', "one object per line", line=1),
    lines("single-quotes", "{'id':'a'}\n", "not valid JSON", line=1),
    lines("trailing-comma", '{"id":"a","q":"hi",}\n', "not valid JSON", line=1),
    lines("two-on-a-line", '{"id":"a","q":"hi"} {"id":"b","q":"hi"}\n', "not valid JSON", line=1),
    lines("latin-1", b'{"id":"a","q":"h\xe9"}\n', "not UTF-8", line=1),
    lines("utf-16", '{"id":"a","q":"hi"}\n'.encode("utf-16"), "UTF-16", line=1),
    lines("zero-tail", b'{"id":"a","q":"hi"}\n' + b"\0" * 300, "not valid JSON", line=2),
    lines("id-bool", '{"id":true,"q":"hi"}\n', "a case id is", "bool", line=1),
    lines("column-missing", '{"id":"a","z":"hi"}\n{"id":"b","z":"hi"}\n', "'q'", "1 more row", line=1),
    lines("checks-wrong", '{"id":"a","q":"hi","checks":[{"contain":"x"}]}\n', "no check named 'contain'", line=1),
)  # fmt: skip

YAML = (
    yaml("empty", "", "empty", line=1),
    yaml("empty-list", "[]\n", "has no rows"),
    yaml("mapping", "a: 1\n", "a dataset in YAML is a mapping", line=1),
    yaml("scalars", "- a\n- 5\n", "a row is text", "a row is a number", line=1),
    yaml("twins", "- {id: a, q: hi}\n- {id: a, q: ho}\n", "twice", line=2),
    yaml("bool", "- {id: a, q: true}\n", "'q'", "string", PROMPT, line=1),
    yaml("tag", "- !!python/name:os.system x\n", "tags are not allowed", line=1),
    yaml("bomb", "- &a [x,x,x,x,x,x,x,x,x,x]\n" + "".join(f"- &{chr(98 + n)} [{','.join(['*' + chr(97 + n)] * 10)}]\n" for n in range(7)), "aliases expand", line=6),
)  # fmt: skip

PARQUET = (
    data("parquet-text", "d.parquet", "hello", "not a readable Parquet file", line=0),
    data("parquet-empty", "d.parquet", "", "not a readable Parquet file", line=0),
    data("parquet-only-marks", "d.parquet", b"PAR1" + b"\0" * 100 + b"PAR1", "not a readable Parquet file", line=0),
    table("no-rows", "select 'a' id, 'hi' q where false", "has no rows", line=None),
    table("column-missing", "select 'a' id, 'hi' z union all select 'b', 'ho'", "'q'", "1 more row", line=1),
    table("not-a-number", "select 'a' id, 'nan'::double q", "'q'", "string", line=1),
    table("list-for-text", "select 'a' id, [1, 2] q", "'q'", "string", line=1),
    table("struct-for-text", "select 'a' id, {'a': 1} q", "'q'", "string", line=1),
    table("interval-for-text", "select 'a' id, interval 1 day q", "'q'", "string", line=1),
    table("deep", f"select 'a' id, {'[' * 14}1{']' * 14} q", "nested too deep"),
    table("twin-ids", "select 'a' id, 'hi' q union all select 'a', 'ho'", "'a'", "twice", line=2),
)  # fmt: skip

FILES = (
    data("data-directory", "d.csv", folder, "directory"),
    data("data-fifo", "d.csv", fifo, "regular file"),
    data("data-fifo-jsonl", "d.jsonl", fifo, "regular file"),
    data("data-fifo-parquet", "d.parquet", fifo, "regular file"),
    data("data-socket", "d.csv", unix_socket, "regular file"),
    data("data-device", "d.csv", link("/dev/zero"), "symlink"),
    data("data-outside", "d.csv", link("/etc/passwd"), "symlink"),
    data("data-nowhere", "d.csv", link("nope.csv"), "no file"),
    data("data-loop", "d.csv", link("d.csv"), "symlink"),
    data("data-json", "d.json", '{"a": 1}', "no list", ".jsonl", line=1),
    data("data-json-empty", "d.json", "[]", "has no rows"),
    data("data-json-cut", "d.json", '[{"id": "a", "q": "hi"},\n{"id"', "not valid JSON", line=2),
    data("data-excel", "d.xlsx", b"PK\x03\x04", ".csv"),
)  # fmt: skip

ENTRIES = (*CSV, *JSONL, *YAML, *PARQUET, *FILES)
