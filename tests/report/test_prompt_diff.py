"""The prompt diff tells the truth about both versions."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from evalkit.model.results import PromptRecord
from evalkit.report.page.prompt_diff import MAX_LINES, diff_prompts

LINES = st.lists(st.sampled_from(["a b c", "a b d", "", "{{ x }}", "policy: 30 days", "policy: 14 days"]), max_size=14)


def _record(version: str, **sources: str) -> PromptRecord:
    return PromptRecord(f"p:{version}", version, next(iter(sources), ""), sources)


def _side(file, kinds, number):
    lines = {
        getattr(line, number): "".join(text for text, _ in line.pieces) for line in file.lines if line.kind in kinds
    }
    return [lines[key] for key in sorted(lines)]


@given(LINES, LINES)
def test_both_versions_can_be_read_off_the_diff(before, after):
    """Removed and kept lines are the old text, added and kept lines the new one; only far-off equal lines are left out."""
    files = diff_prompts(_record("v1", main="\n".join(before)), _record("v2", other="\n".join(after)))
    if not files:
        assert before == after or "\n".join(before) == "\n".join(after)
        return
    (file,) = files
    hidden = sum(int(line.pieces[0][0].split()[0]) for line in file.lines if line.kind == "gap")
    old, new = "\n".join(before).splitlines(), "\n".join(after).splitlines()
    shown_old, shown_new = _side(file, {"same", "removed"}, "before"), _side(file, {"same", "added"}, "after")
    assert len(shown_old) + hidden == len(old)
    assert len(shown_new) + hidden == len(new)
    for line in file.lines:
        text = "".join(piece for piece, _ in line.pieces)
        if line.before is not None:
            assert old[line.before - 1] == text
        if line.after is not None:
            assert new[line.after - 1] == text


def test_three_lines_around_a_change_are_shown_and_the_rest_is_counted():
    """Far from any change a line says how many equal lines were left out."""
    lines = [f"line {number}" for number in range(1, 31)]
    changed = [*lines[:14], "something else", *lines[15:]]
    (file,) = diff_prompts(_record("v1", main="\n".join(lines)), _record("v2", main="\n".join(changed)))
    assert [line.before for line in file.lines] == [None, 12, 13, 14, 15, None, 16, 17, 18, None]
    gaps = [line for line in file.lines if line.kind == "gap"]
    assert [line.pieces[0][0] for line in gaps] == ["11 equal lines", "12 equal lines"]
    assert [line.folded for line in gaps] == [tuple(lines[:11]), tuple(lines[18:])]


def test_variables_tags_and_comments_of_the_template_are_told_apart():
    """The parts of a line are its text again; a word that changed inside a variable is part of the variable."""
    before = _record("v1", main="Hello {{ name }}, {% if vip %}dear{% endif %} {# soft #}friend")
    after = _record("v2", main="Hello {{ customer }}, {% if vip %}dear{% endif %} {# soft #}friend")
    ((removed, added),) = [file.lines for file in diff_prompts(before, after)]
    assert [*added.parts] == [
        ("Hello ", False, "text"),
        ("{{ ", False, "variable"),
        ("customer", True, "variable"),
        (" }}", False, "variable"),
        (", ", False, "text"),
        ("{% if vip %}", False, "tag"),
        ("dear", False, "text"),
        ("{% endif %}", False, "tag"),
        (" ", False, "text"),
        ("{# soft #}", False, "comment"),
        ("friend", False, "text"),
    ]
    assert ("name", True, "variable") in removed.parts


@given(st.text("{}%# a", max_size=60), st.text("{}%# a", max_size=60))
def test_parts_never_lose_a_character(before, after):
    """Whatever braces stand in a prompt, the parts are the line."""
    for file in diff_prompts(_record("v1", main=before), _record("v2", main=after)):
        for line in file.lines:
            assert "".join(text for text, _, _ in line.parts) == "".join(text for text, _ in line.pieces)


def test_changed_words_are_marked_and_equal_files_left_out():
    """One changed word in a line is one marked piece; an include that is the same on both sides is no news."""
    before = _record("v1", main="Refunds within 14 days of delivery.", shared="tone")
    after = _record("v2", main="Refunds within 30 days of delivery.", shared="tone", extra="new")
    main, extra = diff_prompts(before, after)
    removed, added = main.lines
    assert [text for text, changed in removed.pieces if changed] == ["14"]
    assert [text for text, changed in added.pieces if changed] == ["30"]
    assert (extra.before_path, extra.after_path, extra.changed) == (None, "extra", 1)


def test_an_absurdly_long_prompt_is_cut_and_says_so():
    """The comparison is bounded."""
    (file,) = diff_prompts(_record("v1", main="x\n" * (MAX_LINES + 10)), _record("v2", main="y\n" * 3))
    assert file.truncated
