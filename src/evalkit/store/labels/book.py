"""Where a server writes what people say: a journal beside each labelled run, and the server's own tables at once."""

from __future__ import annotations

from dataclasses import replace
from threading import Lock
from typing import TYPE_CHECKING

from evalkit.errors import StoreError
from evalkit.store.database.rows import moment
from evalkit.store.journal.reader import run_entry
from evalkit.store.journal.writer import Journal
from evalkit.store.mirror import Said

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from evalkit.model.results import Label, Preference
    from evalkit.store.mirror import Mirror

_SAME_LABEL = "trial_id = ? and check_name = ? and labelled_by = ?"
_SAME_PAIR = "run_id = ? and suite_path = ? and case_id = ? and label_a = ? and label_b = ? and repeat_number = ? and preferred_by = ?"


class LabelBook:
    """Appends labels; thread-safe. ``clean`` takes secrets out of comments. When :meth:`label` or :meth:`prefer` returns, it is on disk and in the tables.

    A journal is opened with a run's first label and closed with the book.
    """

    def __init__(self, journals: Path, store: Mirror, *, clean: Callable[[str], str]) -> None:
        self._root = journals
        self._clean = clean
        self._store = store
        self._open: dict[str, Journal] = {}
        self._door = Lock()

    def label(self, run_id: str, one: Label) -> None:
        """Write one label. Raises StoreError if it cannot be written, or the run has no journal here."""
        one = replace(one, comment=self._clean(one.comment))
        trial = f"{run_id}/{one.test_id}#{one.repeat}"
        row = (trial, run_id, one.check, one.passed, one.by, moment(one.at), one.comment)
        said = Said("labels", _SAME_LABEL, (trial, one.check, one.by), row)
        with self._door:
            journal = self._journal(run_id)
            self._store.put(said, journal.path, lambda: journal.append_labels([one]))

    def prefer(self, run_id: str, one: Preference) -> None:
        """Write one preference. Raises StoreError as :meth:`label`."""
        one = replace(one, comment=self._clean(one.comment))
        place = (run_id, one.suite_path, one.case_id, one.a, one.b, one.repeat)
        row = (*place, one.winner, one.by, moment(one.at), one.comment)
        said = Said("preferences", _SAME_PAIR, (*place, one.by), row)
        with self._door:
            journal = self._journal(run_id)
            self._store.put(said, journal.path, lambda: journal.append_preferences([one]))

    def close(self) -> None:
        """Close every journal. Raises StoreError if a write failed."""
        with self._door:
            while self._open:
                self._open.popitem()[1].close()

    def _journal(self, run_id: str) -> Journal:
        known = self._open.get(run_id)
        if known is not None and known.path.exists():
            return known
        folder = self._root / run_id
        entry = run_entry(folder) if folder.is_dir() and not folder.is_symlink() else None
        if entry is None or entry.info is None:
            raise StoreError(
                f"the journal of run {run_id} is not here, so nothing can be added to it",
                hint="bring reports/journal/<run id> back",
            )
        self._open[run_id] = Journal(self._root, entry.info, worker="labels")
        return self._open[run_id]
