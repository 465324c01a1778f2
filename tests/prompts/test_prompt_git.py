"""Prompts at a git revision: a real repository, read without checking anything out."""

from __future__ import annotations

import subprocess

import pytest

from evalkit.errors import PromptError, Where
from evalkit.prompts.diff import diff
from evalkit.prompts.git import GitTree
from evalkit.prompts.library import PromptLibrary
from evalkit.prompts.lock import release

PLACE = Where("suites/a.yaml", 4)


def git(folder, *args: str) -> None:
    identity = [
        "-c",
        "user.name=t",
        "-c",
        "user.email=t@example.org",
        "-c",
        "commit.gpgsign=false",
        "-c",
        "core.hooksPath=/dev/null",
    ]
    subprocess.run(["git", "-C", str(folder), *identity, *args], check=True, capture_output=True)


@pytest.fixture
def repository(project):
    """Branch ``main`` holds the old prompt, the working tree a new one that is not committed."""
    project.write("prompts/reply/v1.j2", '---\noutput: schemas/o.json\n---\nold {% include "shared/tone.j2" %} {{ x }}')
    project.write("prompts/shared/tone.j2", "kind\r\n")
    project.write("schemas/o.json", '{"type": "object"}')
    git(project.root, "init", "-q", "-b", "main")
    git(project.root, "add", ".")
    git(project.root, "commit", "-qm", "one")
    git(project.root, "tag", "v1.0")
    project.write("prompts/reply/v1.j2", "new {{ x }}")
    project.write("prompts/reply/v2.j2", "two")
    project.write("prompts/shared/tone.j2", "harsh")
    project.write("schemas/o.json", '{"type": "array"}')
    return project


@pytest.mark.parametrize("revision", ["main", "HEAD", "v1.0", "HEAD~0", "refs/heads/main"])
def test_everything_comes_from_the_revision(repository, revision):
    """Template, include and schema are those of the commit, whatever is on disk now."""
    library = repository.library
    version = library.get("reply:v1", at=revision)
    assert version.at == revision
    assert version.output_schema == {"type": "object"}
    assert library.render(version, {"x": "!"})[0].content == "old kind\n !"
    assert library.render(library.get("reply:v1"), {"x": "!"})[0].content == "new !"
    assert library.get("reply:latest", at=revision).ref == "reply:v1"


def test_the_same_text_has_the_same_digest_on_disk_and_in_git(repository):
    """A version at HEAD is recognised as the file on disk when nothing changed."""
    git(repository.root, "checkout", "-q", "--", ".")
    library = repository.library
    assert library.get("reply:v1", at="main").digest == library.get("reply:v1").digest


def test_a_project_in_a_folder_of_the_repository(repository, tmp_path):
    """The revision is read relative to the project, not to the top of the repository."""
    sub = tmp_path / "services" / "shop"
    (sub / "prompts" / "a").mkdir(parents=True)
    (sub / "prompts" / "a" / "v1.j2").write_text("here")
    git(tmp_path, "add", ".")
    git(tmp_path, "commit", "-qm", "two")
    (sub / "prompts" / "a" / "v1.j2").write_text("changed")
    library = PromptLibrary(sub, sub / "prompts")
    assert library.render(library.get("a:v1", at="HEAD"), {})[0].content == "here"


def test_a_release_is_not_asked_of_a_revision(repository):
    """The lock guards the files on disk: an old text at a revision is what at: is for."""
    release(repository.library, "reply:v1")
    assert repository.library.get("reply:v1", at="main").digest != repository.library.get("reply:v1").digest


@pytest.mark.parametrize(
    ("ref", "revision", "parts"),
    [
        ("reply:v1", "nope", ["no git revision 'nope'", "git fetch"]),
        ("reply:v1", "--upload-pack=touch x", ["is not a git revision"]),
        ("reply:v1", "-h", ["is not a git revision"]),
        ("reply:v1", "main:prompts", ["is not a git revision"]),
        ("reply:v1", "a..b", ["is not a git revision"]),
        ("reply:v1", "", ["is not a git revision"]),
        ("reply:v1", "main\n", ["is not a git revision"]),
        ("reply:v2", "main", ["the prompt 'reply' has no version 'v2' at main", "valid: latest, v1"]),
        ("rply:v1", "main", ["no prompt 'rply' at main", "did you mean 'reply'"]),
    ],
)
def test_mistakes_with_revisions_stand_at_the_suites_line(repository, ref, revision, parts):
    """A revision that is unknown, malformed or has no such prompt; none reaches git as an option."""
    with pytest.raises(PromptError) as caught:
        repository.library.get(ref, at=revision, where=PLACE)
    assert str(caught.value).startswith("suites/a.yaml:4: ")
    assert all(part in str(caught.value) for part in parts), str(caught.value)


def test_a_mistake_in_an_old_file_says_at_which_revision(repository):
    """The file on disk may be fine: the error names the revision, when loading and when rendering."""
    repository.write("prompts/reply/v7.j2", "\n{{ oh")
    repository.write("prompts/reply/v8.j2", "\n{{ oh }}")
    git(repository.root, "add", ".")
    git(repository.root, "commit", "-qm", "broken")
    library = repository.library
    with pytest.raises(PromptError, match=r"^prompts/reply/v7.j2:2: .* at HEAD"):
        library.get("reply:v7", at="HEAD")
    with pytest.raises(PromptError, match=r"^prompts/reply/v8.j2:2: 'oh' is undefined at HEAD"):
        library.render(library.get("reply:v8", at="HEAD"), {})


def test_without_a_repository_at_says_so(project, monkeypatch):
    """No repository, or no git at all: a clear error."""
    monkeypatch.setenv("GIT_CEILING_DIRECTORIES", str(project.root.parent))
    project.write("prompts/a/v1.j2", "x")
    with pytest.raises(PromptError, match="needs a git repository"):
        project.library.get("a:v1", at="main")
    monkeypatch.setenv("PATH", "")
    with pytest.raises(PromptError, match="git cannot be run"):
        project.library.get("a:v1", at="main")


def test_a_link_in_git_is_refused(repository):
    """A committed symlink is no template: its content would be the path it points to."""
    (repository.root / "prompts" / "reply" / "v5.j2").symlink_to("/etc/hosts")
    git(repository.root, "add", "prompts/reply/v5.j2")
    git(repository.root, "commit", "-qm", "link")
    with pytest.raises(PromptError, match="a link cannot be read from git"):
        repository.library.get("reply:v5", at="HEAD")


def test_a_huge_file_in_git_is_refused_before_it_is_read(repository):
    """The limit of files on disk holds for committed ones."""
    repository.write("prompts/big/v1.j2", "x" * 2_000_001)
    git(repository.root, "add", ".")
    git(repository.root, "commit", "-qm", "big")
    with pytest.raises(PromptError, match="2,000,001 bytes; the limit is 2,000,000"):
        repository.library.get("big:v1", at="HEAD")


def test_a_confined_library_starts_no_program_that_the_repository_names(repository, tmp_path_factory):
    """To fetch what a partial clone lacks, git runs the command in the repository's own settings."""
    place = tmp_path_factory.mktemp("elsewhere")
    (place / "fetch").write_text(f"#!/bin/sh\necho ran >> {place}/sign\nexit 1\n")
    (place / "fetch").chmod(0o700)
    old = subprocess.check_output(
        ["git", "-C", str(repository.root), "rev-parse", "HEAD:prompts/reply/v1.j2"], text=True
    )
    (repository.root / ".git" / "objects" / old[:2] / old[2:].strip()).unlink()
    settings = {
        "core.repositoryformatversion": "1",
        "extensions.partialClone": "origin",
        "remote.origin.promisor": "true",
        "remote.origin.url": ".",
        "remote.origin.uploadpack": f"{place}/fetch",
    }
    for key, value in settings.items():
        git(repository.root, "config", key, value)
    with pytest.raises(PromptError):
        PromptLibrary(repository.root, repository.root / "prompts", confined=True).get("reply:v1", at="main")
    assert not (place / "sign").exists()
    with pytest.raises(PromptError):
        repository.library.get("reply:v1", at="main")
    assert (place / "sign").exists(), "of a trusted project, git fetches: else this test shows nothing"


def test_odd_file_names_are_listed_as_they_are(repository):
    """Blanks, quotes and non-ASCII names neither break the listing nor are quoted by git."""
    repository.write('prompts/odd/a "b" ü.j2', "x")
    git(repository.root, "add", ".")
    git(repository.root, "commit", "-qm", "odd")
    tree = GitTree(repository.root, "HEAD")
    assert tree.entries("prompts/odd") == ['a "b" ü.j2']
    assert tree.text('prompts/odd/a "b" ü.j2') == "x"
    assert tree.text("prompts/odd/*.j2") is None


def test_diff_shows_the_template_and_every_file_it_uses(repository):
    """The unified diff names both sides, with the revision; equal versions have none."""
    library = repository.library
    text = diff(library.get("reply:v1", at="main"), library.get("reply:v1"))
    assert "--- prompts/reply/v1.j2 (main)\n+++ prompts/reply/v1.j2\n" in text
    assert "+new {{ x }}" in text
    assert "--- prompts/shared/tone.j2 (main)\n+++ /dev/null\n" in text
    assert "\\ No newline at end of file" in text
    assert diff(library.get("reply:v1"), library.get("reply:v1")) == ""
