"""Releases: a released version does not change, and the lock file says so in a way that can be reviewed."""

from __future__ import annotations

import pytest

from evalkit.errors import PromptChangedError, PromptError
from evalkit.prompts.lock import check, release


@pytest.fixture
def released(project):
    project.write("prompts/reply/v1.j2", '{% include "tone.j2" %} one')
    project.write("prompts/reply/v2.j2", "two")
    project.write("prompts/tone.j2", "kind")
    release(project.library, "reply:v1")
    return project


def lock_text(project) -> str:
    return (project.root / "prompts" / "prompts.lock").read_text()


def test_a_release_is_one_readable_line(released):
    """The file is sorted by name and number, with a header; releasing again changes nothing."""
    released.write("prompts/reply/v10.j2", "ten")
    released.write("prompts/a/v1.j2", "a")
    assert release(released.library, "reply:latest").ref == "reply:v10"
    release(released.library, "reply:v2")
    release(released.library, "a:v1")
    before = lock_text(released)
    release(released.library, "a:v1")
    assert lock_text(released) == before
    lines = [line for line in before.splitlines() if not line.startswith("#")]
    assert [line.split()[0] for line in lines] == ["a:v1", "reply:v1", "reply:v2", "reply:v10"]
    assert lines[0].split()[1] == f"sha256:{released.library.get('a:v1').digest}"
    assert check(released.library) == []


@pytest.mark.parametrize("path", ["prompts/reply/v1.j2", "prompts/tone.j2"])
def test_editing_a_released_version_or_what_it_includes_is_an_error(released, path):
    """The error names the file and the version to copy to; the draft beside it still loads; release does not overwrite."""
    released.write(path, "edited")
    for action in (lambda: released.library.get("reply:v1"), lambda: release(released.library, "reply:v1")):
        with pytest.raises(PromptChangedError) as caught:
            action()
        assert str(caught.value).startswith("prompts/reply/v1.j2: reply:v1 was released and has changed since")
        assert "prompts/reply/v3.j2" in str(caught.value)
    assert released.library.get("reply:v2").ref == "reply:v2"
    assert [type(problem) for problem in check(released.library)] == [PromptChangedError]


def test_line_ends_do_not_change_a_release(released):
    """A checkout on Windows is the same prompt."""
    released.write("prompts/reply/v1.j2", b'\xef\xbb\xbf{% include "tone.j2" %} one')
    assert check(released.library) == []


def test_check_finds_deleted_and_broken_releases_and_broken_drafts(released):
    """A release that is gone or no longer loads is a change; a broken draft is a mistake."""
    release(released.library, "reply:v2")
    (released.root / "prompts/reply/v1.j2").unlink()
    released.write("prompts/reply/v2.j2", "{{ oh")
    released.write("prompts/reply/v3.j2", "{% oh %}")
    problems = check(released.library)
    assert [type(problem) for problem in problems] == [PromptChangedError, PromptChangedError, PromptError]
    text = "\n".join(map(str, problems))
    assert "reply:v1 was released, and its file is gone" in text
    assert "reply:v2 was released and no longer loads" in text
    assert "prompts/reply/v3.j2:1" in text


@pytest.mark.parametrize(
    ("line", "part"),
    [
        ("reply:v1 sha256:123", "not a line of a lock file"),
        ("<<<<<<< HEAD", "not a line of a lock file"),
        ("reply v1", "not a line of a lock file"),
        (None, "reply:v1 is there twice"),
    ],
)
def test_a_damaged_lock_file_is_an_error_with_its_line(released, line, part):
    """Merge conflicts and edits by hand are found, not ignored: nothing loads until the file is whole."""
    text = lock_text(released)
    number = len(text.splitlines()) + 1
    released.write("prompts/prompts.lock", text + (line or text.splitlines()[-1]) + "\n")
    with pytest.raises(PromptError) as caught:
        released.library.get("reply:v2")
    assert str(caught.value).startswith(f"prompts/prompts.lock:{number}: {part}")


def test_releasing_a_prompt_that_does_not_load_is_refused(project):
    """Only what works can be released; no lock file is left behind."""
    project.write("prompts/a/v1.j2", "{{ oh")
    with pytest.raises(PromptError):
        release(project.library, "a:v1")
    assert not (project.root / "prompts/prompts.lock").exists()
