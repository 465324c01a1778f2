"""How the verdicts compare with the reference's, instruction by instruction."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from evalkit.errors import EvalkitError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

_LETTER = "the prompt names no letter; the reference draws one at random"

EXPLAINED: dict[tuple[int, str], str] = {
    (1122, "keywords:letter_frequency"): _LETTER,
    (1129, "keywords:letter_frequency"): _LETTER,
}
"""Disagreements that are understood, by key and instruction."""


@dataclass(frozen=True, slots=True)
class Judged:
    """What evalkit said of one instruction."""

    status: str
    reason: str


@dataclass(frozen=True, slots=True)
class Disagreement:
    """An instruction whose verdict is not the reference's."""

    key: int
    instruction: str
    reference: bool
    judged: Judged

    @property
    def explanation(self) -> str | None:
        """Why it is so, if that is known."""
        return EXPLAINED.get((self.key, self.instruction))

    def __str__(self) -> str:
        why = self.explanation or "not explained"
        expected = "pass" if self.reference else "fail"
        return f"{self.key} {self.instruction}: {self.judged.status}, reference {expected} ({why})\n    {self.judged.reason}"


@dataclass(frozen=True, slots=True)
class Kind:
    """One kind of instruction: how many, how many followed as evalkit judges, and as the reference does."""

    instruction: str
    total: int
    followed: int
    reference: int


@dataclass(frozen=True, slots=True)
class Score:
    """Prompts and instructions followed, of those that have a reference verdict."""

    prompts: int
    prompts_followed: int
    instructions: int
    instructions_followed: int
    disagreements: tuple[Disagreement, ...]
    kinds: tuple[Kind, ...] = ()

    def table(self) -> str:
        """One line per instruction kind: how many there are, how many are followed here and by the reference."""
        width = max((len(kind.instruction) for kind in self.kinds), default=0)
        rows = [
            f"{kind.instruction:{width}} {kind.total:5} {kind.followed:6} {kind.reference:10}" for kind in self.kinds
        ]
        return "\n".join([f"{'instruction':{width}} {'count':>5} {'passed':>6} {'reference':>10}", *rows])

    def __str__(self) -> str:
        return (
            f"prompt_strict={self.prompts_followed}/{self.prompts} "
            f"instruction_strict={self.instructions_followed}/{self.instructions} disagreements={len(self.disagreements)}"
        )


def score(rows: Sequence[Mapping[str, Any]], judged: Mapping[int, Sequence[Judged]]) -> Score:
    """Compare the verdicts (by key, in the order of the instructions) with the reference's.

    Raises EvalkitError if a row was not measured, or not completely.
    """
    missing = [str(row["key"]) for row in rows if len(judged.get(row["key"], ())) != len(row["instructions"])]
    if missing:
        raise EvalkitError(f"{len(missing)} cases were not measured: {', '.join(missing[:10])}")
    known = [row for row in rows if row["strict"] is not None]
    followed = {row["key"]: [verdict.status == "pass" for verdict in judged[row["key"]]] for row in known}
    disagreements = [
        Disagreement(row["key"], instruction["id"], reference, verdict)
        for row in known
        for instruction, reference, verdict in zip(row["instructions"], row["strict"], judged[row["key"]], strict=True)
        if (verdict.status == "pass") != reference
    ]
    return Score(
        prompts=len(known),
        prompts_followed=sum(all(verdicts) for verdicts in followed.values()),
        instructions=sum(len(verdicts) for verdicts in followed.values()),
        instructions_followed=sum(sum(verdicts) for verdicts in followed.values()),
        disagreements=tuple(disagreements),
        kinds=tuple(_kinds(known, followed)),
    )


def _kinds(known: Sequence[Mapping[str, Any]], followed: Mapping[int, Sequence[bool]]) -> Iterator[Kind]:
    rows = [
        (instruction["id"], ours, reference)
        for row in known
        for instruction, ours, reference in zip(row["instructions"], followed[row["key"]], row["strict"], strict=True)
    ]
    for name in sorted({instruction for instruction, _, _ in rows}):
        mine = [(ours, reference) for instruction, ours, reference in rows if instruction == name]
        yield Kind(name, len(mine), sum(ours for ours, _ in mine), sum(reference for _, reference in mine))
