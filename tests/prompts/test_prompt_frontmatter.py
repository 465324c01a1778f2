"""Front matter: what it may hold, and the line of every mistake in it."""

from __future__ import annotations

import socket

import pytest
from hypothesis import given
from hypothesis import strategies as st

from evalkit.errors import PromptError
from evalkit.prompts.frontmatter import read, split

FULL = """---
description: >
  First reply
  to a refund.
inputs:
  customer: string
  order: {type: string, pattern: "^A-\\\\d+$"}
  tone: {type: string, default: kind}
  note: {type: string, required: false}
  extra: any
output: {type: object}
defaults: {model: openai/gpt-5-mini, temperature: 0, stop: [END]}
tools:
  - {name: lookup, description: Find an order., parameters: {type: object}}
---
Dear {{ customer }}, {{ order }} {{ tone }}{% if note is defined %} {{ note }}{% endif %}
"""


def test_front_matter_is_read_and_is_no_part_of_the_text(project):
    """Every key arrives typed; the message begins after the fence."""
    (message,) = project.render(FULL, customer="Ana", order="A-1", extra=[1])
    assert message.content == "Dear Ana, A-1 kind"
    version = project.library.get("p:v1")
    assert version.description == "First reply to a refund."
    assert version.defaults == {"model": "openai/gpt-5-mini", "temperature": 0, "stop": ["END"]}
    assert version.output_schema == {"type": "object"}
    assert [tool.name for tool in version.tools] == ["lookup"]
    assert {name: spec.required for name, spec in version.inputs.items()} == {
        "customer": True,
        "order": True,
        "tone": False,
        "note": False,
        "extra": True,
    }


@pytest.mark.parametrize(
    ("text", "line", "parts"),
    [
        ("---\ndescription: a\ninput: {}\n---\nx", 3, ["unknown key 'input'", "did you mean 'inputs'"]),
        ("---\ndescription: a\nx", 1, ["not closed"]),
        ("---\n- a\n---\nx", 2, ["not a mapping"]),
        ("---\ndescription: a\n\ndescription: b\n---\nx", 4, ["twice", "first in line 2"]),
        ("---\ndescription: [a\n---\nx", 2, ["not valid YAML"]),
        ("---\ndescription: 7\n---\nx", 2, ["description is text"]),
        ("---\ninputs: {a: &x string, b: *x}\n---\nx", 2, ["anchors and aliases"]),
        ("---\ninputs:\n  a: !!python/object:os.system {}\n---\nx", 3, ["tags"]),
        ("---\ninputs:\n  a: strng\n---\nx", 3, ["no type 'strng'", "did you mean 'string'"]),
        ("---\ninputs:\n  a: {type: string, pattern: '('}\n---\nx", 3, ["the input 'a' is not a usable JSON Schema"]),
        ("---\ninputs:\n  a: {$ref: 'http://127.0.0.1:9/x'}\n---\nx", 3, ["the input 'a'"]),
        ("---\ninputs:\n  a: {type: integer, default: x}\n---\nx", 3, ["the default of the input 'a' does not fit"]),
        ("---\ninputs:\n  a b: string\n---\nx", 3, ["cannot be the name"]),
        ("---\ninputs:\n  a: 3\n---\nx", 3, ["write a type or a JSON Schema"]),
        ("---\noutput: [1]\n---\nx", 2, ["a path to a JSON Schema"]),
        ("---\noutput: {type: strng}\n---\nx", 2, ["output is not a usable JSON Schema"]),
        ("---\noutput: gone.json\n---\nx", 2, ["no file 'gone.json'", "looked in prompts/p"]),
        ("---\noutput: ../o.json\n---\nx", 2, ["not a path"]),
        ("---\ndefaults:\n  model: gpt-5\n---\nx", 3, ["provider/model"]),
        (
            "---\ntools:\n  - {name: a, description: b, parameters: {}}\n  - {nme: a}\n---\nx",
            4,
            ["unknown key 'nme'", "'name'"],
        ),
        ("---\ntools:\n  - {name: a}\n---\nx", 3, ["a tool needs"]),
        ("---\ninputs: {a: string}\n---\n\n{{ a }}\n{{ b }}\n", 6, ["'b' is not declared under inputs:", "valid: a"]),
        ("---\ninputs: {a: string}\n---\n{{ " + "+".join(["a"] * 320) + " }}", None, ["nested too deep"]),
        ("---\ninputs: " + "[" * 200 + "\n---\nx", 2, ["nested too deep"]),
    ],
)
def test_each_mistake_has_its_line_and_a_hint(project, text, line, parts):
    """Strict: unknown keys, wrong types, aliases, tags and bad schemas are errors at the right line."""
    message = project.refused(text)
    assert message.startswith(f"prompts/p/v1.j2:{line}: " if line else "prompts/p/v1.j2: "), message
    assert all(part in message for part in parts), message


def test_a_broken_json_file_is_named_with_its_line(project):
    """A mistake in a schema file is shown in that file, not in the prompt."""
    project.write("prompts/p/o.json", '{\n "type": \n}')
    assert "prompts/p/o.json:3: not valid JSON" in project.refused("---\noutput: o.json\n---\nx")
    project.write("prompts/p/o.json", '{"minimum": NaN}')
    assert "NaN is not JSON" in project.refused("---\noutput: o.json\n---\nx")
    project.write("prompts/p/o.json", "[]")
    assert "a JSON Schema is a mapping" in project.refused("---\noutput: o.json\n---\nx")
    project.write(
        "prompts/p/t.json",
        '[{"name": "a", "description": "b", "parameters": {}}, {"name": "a", "description": "b", "parameters": {}}]',
    )
    assert "two tools named 'a'" in project.refused("---\ntools: t.json\n---\nx")


def test_missing_and_unfit_variables_are_refused_and_extra_ones_are_not(project):
    """The error names the input, the reason and what the case has; suites may share variables."""
    text = "---\ninputs: {n: {type: integer, minimum: 1}}\n---\n{{ n }}"
    assert project.text(text, n=2, unused="x") == "2"
    missing = project.refused(text, m=2)
    assert "p:v1 needs the variable 'n'" in missing
    assert "the variables given are: m" in missing
    assert "the variable 'n' does not fit the input of p:v1" in project.refused(text, n=0)
    assert "'n'" in project.refused(text, n="2")


def test_a_variable_bound_by_the_including_file_is_not_undeclared(project):
    """A loop variable used in an included file is not reported; a truly unknown one there is, in that file."""
    project.write("prompts/row.j2", "[{{ row.a }}]")
    text = '---\ninputs: {rows: array}\n---\n{% for row in rows %}{% include "row.j2" %}{% endfor %}'
    assert project.text(text, rows=[{"a": 1}, {"a": 2}]) == "[1][2]"
    project.write("prompts/row.j2", "\n[{{ roww.a }}]")
    assert "prompts/row.j2:2: the variable 'roww' is not declared" in project.refused(text, rows=[])


def test_no_schema_is_fetched_from_the_network(project):
    """A $ref to another host is refused without a connection."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        server.setblocking(False)
        url = f"http://127.0.0.1:{server.getsockname()[1]}/schema.json"
        assert "not a usable JSON Schema" in project.refused(f"---\noutput: {{$ref: '{url}'}}\n---\nx")
        with pytest.raises(BlockingIOError):
            server.accept()


def test_words_and_numbers_mean_what_they_look_like(project):
    """No YAML 1.1 surprises: no, on, 012, 1:30 and dates are text; true, null, 3 and 1e3 are not."""
    front = read(
        "---\ndefaults:\n a: no\n b: 012\n c: 1:30\n d: 2026-11-21\n e: true\n f: ~\n g: 3\n h: 1e3\n i: 'true'\n j: -0.5\n---\n",
        "x",
    )
    assert front.defaults == {
        "a": "no", "b": "012", "c": "1:30", "d": "2026-11-21", "e": True, "f": None, "g": 3, "h": 1000.0, "i": "true", "j": -0.5,
    }  # fmt: skip


def test_front_matter_of_an_included_file_is_left_out(project):
    """A prompt may include another version, and gets its text without its front matter."""
    project.write("prompts/p/v0.j2", "---\ndescription: old\n---\nold text")
    assert project.text('new, {% include "p/v0.j2" %}') == "new, old text"


@given(st.text(alphabet=st.sampled_from("ab-: \n{}#%&*[]'\"!|>"), max_size=60))
def test_any_text_is_read_or_refused_cleanly(text):
    """No front matter, however odd, raises anything but PromptError; line numbers of the template are kept."""
    whole = f"---\n{text}\n---\nrest"
    try:
        _, template = split(whole, "p")
        read(whole, "p")
    except PromptError:
        return
    assert template.count("\n") == whole.count("\n")
