"""What the audit says about what it found, and about what it could not look at."""

from __future__ import annotations

import json

from benchmarks.audit import judged

SOUND = {"name": "click", "version": "8.5.1", "vulns": []}
BAD = {"name": "old", "version": "1", "vulns": [{"id": "PYSEC-1", "fix_versions": ["2"]}, {"id": "PYSEC-2"}]}
SKIPPED = {"name": "own", "skip_reason": "not found"}


def test_a_known_vulnerability_fails_and_says_what_mends_it():
    """Each with its package, version, id and the version to go to."""
    audit = judged(json.dumps({"dependencies": [SOUND, BAD]}))
    assert audit.code == 1
    assert audit.lines[0] == "old 1: PYSEC-1, mended in 2"
    assert audit.lines[1] == "old 1: PYSEC-2, mended in no version yet"
    assert "2 known vulnerabilities in 2 of 2 packages" in audit.lines[2]


def test_what_the_service_does_not_know_is_not_called_sound():
    """Skipped packages are counted apart, and fail nobody."""
    audit = judged(json.dumps({"dependencies": [SOUND, SKIPPED]}))
    assert audit.code == 0
    assert audit.lines == (
        "audit: 0 known vulnerabilities in 1 of 2 packages; the service does not know the other 1, so they were not looked at",
    )


def test_a_service_that_cannot_be_reached_fails_nobody_and_is_said():
    """No JSON came: the last line of the complaint stands in the sentence."""
    audit = judged("", "Traceback\nConnectionError: no route\n")
    assert audit.code == 0
    assert "cannot be reached, so nothing was looked at (ConnectionError: no route)" in audit.lines[0]
