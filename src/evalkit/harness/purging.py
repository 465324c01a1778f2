"""Which stored runs a user wants deleted, and deleting them."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from evalkit.errors import ConfigError
from evalkit.harness.comparing.sides import History
from evalkit.report.page.index_page import write_index
from evalkit.store.purge import candidates, leftovers, purge, require_quiet

if TYPE_CHECKING:
    from pathlib import Path

    from evalkit.config import Config
    from evalkit.store.purge import Candidate

_AGE = re.compile(r"(\d{1,6})([hdw])\Z")
_UNITS = {"h": timedelta(hours=1), "d": timedelta(days=1), "w": timedelta(weeks=1)}


@dataclass(frozen=True, slots=True)
class PurgePlan:
    """What would be deleted. ``copies`` of the chosen ``runs`` were judged again or merged from them; ``kept`` is how many runs stay."""

    runs: tuple[Candidate, ...]
    copies: tuple[Candidate, ...]
    leftovers: tuple[Path, ...]
    kept: int

    @property
    def all(self) -> tuple[Candidate, ...]:
        """Every run that goes."""
        return (*self.runs, *self.copies)

    @property
    def size(self) -> int:
        """Bytes of their journals and pages, and of the leftovers."""
        return sum(run.size for run in self.all) + sum(path.stat().st_size for path in self.leftovers)


def plan_purge(
    config: Config, *, older_than: str | None = None, run: str | None = None, prompt: str | None = None
) -> PurgePlan:
    """Choose the runs that are older than an age (``30d``, ``12h``, ``4w``), are ``run``, and used ``prompt`` (``name`` or ``name:v2``): all that is given.

    Raises ConfigError for a wrong age or an unknown run or prompt, StoreLockedError while a run is in progress, StoreError for what cannot be read.
    """
    reports = config.folder("reports")
    require_quiet(reports)
    stored = candidates(reports)
    limit = None if older_than is None else datetime.now(UTC).replace(tzinfo=None) - _age(older_than)
    chosen = [one for one in stored if limit is None or one.started_at is None or one.started_at <= limit]
    if run is not None:
        wanted = run if run in {one.run_id for one in stored} else History(config).run_id(run)
        chosen = [one for one in chosen if one.run_id == wanted]
    if prompt is not None:
        _require_known(prompt, stored)
        chosen = [one for one in chosen if any(_is_of(ref, prompt) for ref in one.prompts)]
    copies = _copies({one.run_id for one in chosen}, stored)
    return PurgePlan(tuple(chosen), copies, tuple(leftovers(reports)), len(stored) - len(chosen) - len(copies))


def carry_out(config: Config, plan: PurgePlan) -> list[str]:
    """Delete what ``plan`` says. Returns what a user should know. Raises StoreError; then the same purge is run again."""
    reports = config.folder("reports")
    notes = purge(reports, [one.run_id for one in plan.all])
    write_index(reports)
    return notes


def _age(text: str) -> timedelta:
    match = _AGE.match(text)
    if match is None:
        raise ConfigError(f"{text!r} is no age", hint="write 30d, 12h or 4w")
    return int(match[1]) * _UNITS[match[2]]


def _is_of(ref: str, prompt: str) -> bool:
    return ref in {prompt, f"{prompt}:latest"} or (":" not in prompt and ref.partition(":")[0] == prompt)


def _require_known(prompt: str, stored: list[Candidate]) -> None:
    refs = {ref for one in stored for ref in one.prompts}
    if not any(_is_of(ref, prompt) for ref in refs):
        known = ", ".join(sorted(refs)[:20]) or "none"
        raise ConfigError(f"no stored run used the prompt {prompt!r}", hint=f"stored are {known}")


def _copies(chosen: set[str], stored: list[Candidate]) -> tuple[Candidate, ...]:
    """Runs that were judged again or merged from chosen ones, or from such runs."""
    found: dict[str, Candidate] = {}
    for one in stored:  # the oldest first: a copy is younger than what it was made of
        if one.copies & (chosen | found.keys()) and one.run_id not in chosen:
            found[one.run_id] = one
    return tuple(found.values())
