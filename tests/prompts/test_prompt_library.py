"""Finding prompt versions and telling what is wrong with a reference or a file."""

from __future__ import annotations

import os

import pytest

from evalkit.errors import PromptError, Where

PLACE = Where("suites/a.yaml", 7)


def refused(project, ref: str) -> str:
    with pytest.raises(PromptError) as caught:
        project.library.get(ref, where=PLACE)
    return str(caught.value)


def test_versions_are_in_numeric_order_and_latest_is_the_highest(project):
    """v10 comes after v9, other files are no versions, and folders without versions are no prompts."""
    for name in ("v1.j2", "v2.j2", "v10.j2", "v9.j2", "v03.j2", "draft.j2", "v4.txt"):
        project.write(f"prompts/reply/{name}", "hi")
    project.write("prompts/shared/tone.j2", "kind")
    assert project.library.names() == ["reply"]
    assert project.library.versions("reply") == ["v1", "v2", "v9", "v10"]
    assert project.library.get("reply:latest").ref == "reply:v10"
    assert project.library.versions("nothing") == []


@pytest.mark.parametrize(
    ("ref", "parts"),
    [
        ("repyl:v1", ["suites/a.yaml:7", "no prompt 'repyl'", "did you mean 'reply'"]),
        ("reply:v3", ["suites/a.yaml:7", "no version 'v3'", "valid: latest, v1, v2"]),
        ("reply:2", ["no version '2'", "did you mean 'v2'"]),
        ("reply@v2", ["use a colon: reply:v2"]),
        ("reply", ["name a version, like reply:latest"]),
        ("../reply:v1", ["is not a prompt reference"]),
        ("reply:../v1", ["no version '../v1'"]),
        ("shared:v1", ["no prompt 'shared'", "tone.j2", "a file like v1.j2"]),
        ("", ["is not a prompt reference"]),
    ],
)
def test_a_wrong_reference_is_named_with_its_place_and_the_nearest_name(project, ref, parts):
    """An error for a reference stands at the suite's line and says what would be right."""
    project.write("prompts/reply/v1.j2", "one")
    project.write("prompts/reply/v2.j2", "two")
    project.write("prompts/shared/tone.j2", "kind")
    message = refused(project, ref)
    assert all(part in message for part in parts), message


def test_a_project_without_prompts_says_so(project):
    """No prompts at all is an error with a reason, not a crash."""
    (project.root / "prompts").rmdir()
    assert project.library.names() == []
    assert "there are none" in refused(project, "reply:v1")


def test_the_version_carries_everything_it_is_made_of(project):
    """Sources hold the template first and then each included file and schema, under their paths in the project."""
    project.write("prompts/a/v1.j2", '---\noutput: out.json\n---\n{% include "shared/x.j2" %}')
    project.write("prompts/shared/x.j2", '{% include "./y.j2" %}')
    project.write("prompts/shared/y.j2", "deep")
    project.write("prompts/a/out.json", '{"type": "object"}')
    version = project.library.get("a:v1")
    assert list(version.sources) == [
        "prompts/a/v1.j2",
        "prompts/shared/x.j2",
        "prompts/shared/y.j2",
        "prompts/a/out.json",
    ]
    assert version.output_path == "prompts/a/out.json"
    assert version.output_schema == {"type": "object"}
    assert project.library.render(version, {})[0].content == "deep"


def test_a_version_renders_after_its_files_are_gone(project):
    """Rendering needs the sources only, so disk and git are one path."""
    template = project.write("prompts/a/v1.j2", '{% include "s.j2" %}!')
    shared = project.write("prompts/s.j2", "hello")
    library = project.library
    version = library.get("a:v1")
    template.unlink()
    shared.unlink()
    assert library.render(version, {})[0].content == "hello!"


def test_the_digest_covers_every_file_and_ignores_line_ends(project):
    """A change in the template, an include or a schema is another prompt; CRLF and a byte-order mark are not."""
    project.write("prompts/a/v1.j2", '---\noutput: schemas/o.json\n---\n{% include "s.j2" %}\nx\n')
    project.write("prompts/s.j2", "one\ntwo")
    project.write("schemas/o.json", "{}")
    digests = [project.library.get("a:v1").digest]
    project.write("prompts/s.j2", b"\xef\xbb\xbfone\r\ntwo")
    assert project.library.get("a:v1").digest == digests[0]
    for path, text in (("prompts/s.j2", "one\nthree"), ("schemas/o.json", '{"type": "object"}')):
        project.write(path, text)
        digests.append(project.library.get("a:v1").digest)
    project.write("prompts/a/v1.j2", '---\noutput: schemas/o.json\n---\n{% include "s.j2" %}\ny\n')
    digests.append(project.library.get("a:v1").digest)
    assert len(set(digests)) == 4


def test_a_digest_does_not_depend_on_where_the_prompts_folder_is(tmp_path):
    """The same prompt in another folder of another project is the same prompt."""
    from evalkit.prompts.library import PromptLibrary

    digests = set()
    for folder in ("one/prompts", "two/templates/llm"):
        path = tmp_path / folder / "a" / "v1.j2"
        path.parent.mkdir(parents=True)
        path.write_text("hi")
        digests.add(PromptLibrary(tmp_path / folder.split("/")[0], tmp_path / folder).get("a:v1").digest)
    assert len(digests) == 1


@pytest.mark.parametrize(
    "target", ["/etc/hosts", "../secret.txt", "a/../../secret.txt", "c:x", "a\\\\b", "s//t.j2", ""]
)
def test_includes_stay_inside_the_prompts_folder(project, target):
    """No absolute path, no '..', no drive letter: an error at the include's line."""
    project.write("secret.txt", "secret")
    message = project.refused(f'line one\n{{% include "{target}" %}}')
    assert "prompts/p/v1.j2:2" in message
    assert "is not a path that a prompt may name" in message


def test_a_link_out_of_the_prompts_folder_is_refused(project):
    """A symlink must not smuggle a file of the project, or of the machine, into a prompt."""
    project.write("secret.txt", "secret")
    (project.root / "prompts" / "in.j2").symlink_to(project.root / "secret.txt")
    assert "a symlink that leads out of prompts" in project.refused('{% include "in.j2" %}')
    (project.root / "prompts" / "loop.j2").symlink_to("loop.j2")
    assert "prompts/loop.j2" in project.refused('{% include "loop.j2" %}')


def test_a_fifo_or_folder_in_place_of_a_template_is_an_error_and_no_hang(project):
    """Only regular files are read."""
    os.mkfifo(project.root / "prompts" / "pipe.j2")
    assert "not a regular file" in project.refused('{% include "pipe.j2" %}')
    (project.root / "prompts" / "dir").mkdir()
    assert "not a regular file" in project.refused('{% include "dir" %}')


def test_a_missing_include_names_what_is_there(project):
    """The error stands at the include's line and guesses the file that was meant."""
    project.write("prompts/shared/tone.j2", "kind")
    message = project.refused('\n\n{% include "shared/tones.j2" %}')
    assert "prompts/p/v1.j2:3" in message
    assert "did you mean 'tone.j2'" in message
    project.write("prompts/p/local.j2", "x")
    assert "write 'p/local.j2' or './local.j2'" in project.refused('{% include "local.j2" %}')
    assert project.text('{% include "./local.j2" %}') == "x"
    assert project.text('{% include "gone.j2" ignore missing %}a') == "a"
    assert project.text('{% include ["gone.j2", "shared/tone.j2"] %}') == "kind"


def test_includes_must_be_named_literally_and_not_in_a_circle(project):
    """What a prompt is made of is known without rendering it."""
    assert "name the file literally" in project.refused("{% include file %}", file="x")
    project.write("prompts/x.j2", '{% include "y.j2" %}')
    project.write("prompts/y.j2", '\n{% include "x.j2" %}')
    message = project.refused('{% include "x.j2" %}')
    assert "prompts/y.j2:2" in message
    assert "includes itself: x.j2 → y.j2 → x.j2" in message


def test_inheritance_and_macros_work_across_files(project):
    """extends, blocks, super, import and from-import are plain Jinja."""
    project.write("prompts/base.j2", "{% block top %}base{% endblock %} {% block end %}end{% endblock %}")
    project.write("prompts/m.j2", "{% macro loud(x) %}{{ x|upper }}!{% endmacro %}")
    assert project.text('{% extends "base.j2" %}{% block top %}{{ super() }}+{% endblock %}') == "base+ end"
    assert (
        project.text('{% import "m.j2" as m %}{% from "m.j2" import loud %}{{ m.loud("a") }}{{ loud(b) }}', b="b")
        == "A!B!"
    )


def test_a_template_that_is_not_utf8_or_too_large_names_the_file(project):
    """A binary file is an error with its line, a huge one is an error with the limit."""
    project.write("prompts/bad/v1.j2", b"ok\n\xff\xfe")
    assert "prompts/bad/v1.j2:2: not UTF-8" in refused(project, "bad:v1")
    project.write("prompts/big/v1.j2", "x" * 200_001)
    assert "the limit is 200,000" in refused(project, "big:v1")
