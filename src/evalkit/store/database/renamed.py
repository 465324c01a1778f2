"""A journal of somebody else may give another text the reference and the digest of a prompt that is stored already: each keeps its own."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import TYPE_CHECKING

from evalkit.canon import digest, short
from evalkit.store.database.rows import text

if TYPE_CHECKING:
    from collections.abc import Mapping

    from duckdb import DuckDBPyConnection

    from evalkit.store.journal.reader import RunRecords
    from evalkit.store.journal.records import StoredResult

_KNOWN = "select sources::varchar from prompts where ref = ? and digest = ?"


def told_apart(connection: DuckDBPyConnection, records: RunRecords) -> RunRecords:
    """``records`` as they were, or with another digest for each prompt whose text is not the one that the database has under its digest.

    The other digest is the told one, ``~`` and the beginning of that of the text, so that a run which says the same has the same.
    """
    other: dict[tuple[str, str], str] = {}
    for prompt in records.prompts:
        row = connection.execute(_KNOWN, [text(prompt.ref), text(prompt.digest)]).fetchone()
        if row is not None and _texts(json.loads(row[0])) != _texts(prompt.sources):
            other[prompt.ref, prompt.digest] = f"{prompt.digest}~{short(digest(_texts(prompt.sources)))}"
    if not other:
        return records
    prompts = tuple(replace(one, digest=other.get((one.ref, one.digest), one.digest)) for one in records.prompts)
    return replace(records, prompts=prompts, stored=tuple(_renamed(one, other) for one in records.stored))


def _texts(sources: Mapping[str, str]) -> list[str]:
    """The texts of a prompt, whatever the folder is called, as the database holds them."""
    return sorted(text(one) or "" for one in sources.values())


def _renamed(stored: StoredResult, other: Mapping[tuple[str, str], str]) -> StoredResult:
    trial = stored.result.trial
    told = other.get((trial.variant.prompt, trial.variant.prompt_digest))
    if told is None:
        return stored
    trial = replace(trial, variant=replace(trial.variant, prompt_digest=told))
    return replace(stored, result=replace(stored.result, trial=trial))
