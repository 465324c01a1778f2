"""What repeats itself in a run is in memory once, and nothing is taken for something else because of it."""

from __future__ import annotations

from dataclasses import replace

import pytest
from samples import info, result

from evalkit.store.journal.reader import read_run
from evalkit.store.journal.writer import Journal


@pytest.fixture
def root(tmp_path):
    return tmp_path / "journal"


def read(root, *results, known=(), **options):
    journal = Journal(root, info(), **options)
    for one in results:
        journal.append_result(one)
    journal.close()
    return read_run(root / "r1", known=known).results


def test_repeats_and_variants_share_what_they_have_in_common(root):
    """Two repeats of a case by one variant: one case, one variant, one text of the system message."""
    first, second = read(root, result(), result(repeat=1, text="Other"))
    assert first.trial.case is second.trial.case
    assert first.trial.variant is second.trial.variant
    assert first.call.request.messages[0] is second.call.request.messages[0]
    assert first.call.request.messages[1] != second.call.request.messages[1]


def test_a_case_of_the_same_id_with_other_content_is_kept_apart(root):
    """A conflicting case or variant of the same name is itself, not the first one."""
    one, two = result(), result(repeat=1, text="Other")
    case, variant = replace(two.trial.case, digest="e" * 64), replace(two.trial.variant, prompt_digest="f" * 64)
    two = replace(two, trial=replace(two.trial, case=case, variant=variant))
    assert read(root, one, two) == (one, two)


def test_what_is_in_memory_already_is_used(root):
    """A process that planned the trials reads its results back without a second copy of request and case."""
    measured = result()
    (back,) = read(root, measured, known=[measured.trial])
    assert back == measured
    assert back.call.request is measured.trial.request
    assert back.trial.case is measured.trial.case


def test_a_redacted_request_is_not_replaced_by_the_one_with_the_secret(root):
    """Reading with the planned trials at hand brings no secret back; the key is that of the request that was sent."""
    measured = result(text="my password is hunter2")

    def redact(value):
        if isinstance(value, dict):
            return {key: redact(item) for key, item in value.items()}
        if isinstance(value, (list, tuple)):
            return [redact(item) for item in value]
        return value.replace("hunter2", "[gone]") if isinstance(value, str) else value

    (back,) = read(root, measured, known=[measured.trial], redact=redact, suspects=lambda text: "hunter2" in text)
    assert back.call.request.messages[1].content == "my password is [gone]"
    assert back.trial.request.messages[1].content == "my password is [gone]"
    assert back.call.request.key == measured.call.request.key
