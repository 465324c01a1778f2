"""What people say of answers, as JSON: what there is to label, and labels and preferences that go to the run's journal."""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Query
from pydantic import BaseModel, ConfigDict, Field
from starlette.exceptions import HTTPException

from evalkit.errors import StoreError
from evalkit.harness.facts import utc_now
from evalkit.model.results import Label, Preference, Winner
from evalkit.server.answers import GUARDED, NOT_FOUND, REFUSED
from evalkit.server.api_runs import RunId, Word
from evalkit.server.site import Site
from evalkit.store.browse import has_run
from evalkit.store.label_items import (
    Left,
    answer_of,
    answers_left,
    answers_to_label,
    pair_of,
    pairs_left,
    pairs_to_label,
    swapped,
)

Key = Annotated[str, Field(pattern=r"^[0-9a-f]{32}$", description="The item, as the list of items names it.")]
Comment = Annotated[str, Field(max_length=4000)]


class _Queue(BaseModel):
    model_config = ConfigDict(extra="forbid")
    by: Word = Field("", description="Who labels.")
    blind: bool = Field(True, description="Leave out which variant, prompt and model it is.")
    todo: bool = Field(True, description="Only what this person has not labelled.")
    after: str = Field("", max_length=32, description="Key of the last item of the page before.")
    limit: int = Field(20, ge=1, le=100)


class AnswersQuery(_Queue):
    """Which answers to label."""

    check: Word = Field(description="The check, with a number behind if there are several of that name.")


class PairsQuery(_Queue):
    """Which answers to set beside each other: the labels of two variants, in any order."""

    a: Word
    b: Word


class AnswerItem(BaseModel):
    """One answer. ``label``, ``prompt`` and ``model`` are null when they are not to be known."""

    key: str
    case_id: str
    vars: dict[str, Any]
    expect: dict[str, Any]
    answer: str
    passed: bool | None
    comment: str
    label: str | None
    prompt: str | None
    model: str | None


class PairItem(BaseModel):
    """Two answers to one case. ``left_label`` and ``right_label`` are null when they are not to be known."""

    key: str
    case_id: str
    vars: dict[str, Any]
    expect: dict[str, Any]
    left: str
    right: str
    preferred: Literal["left", "right", "tie"] | None
    comment: str
    left_label: str | None
    right_label: str | None


class AnswerItems(BaseModel):
    """A page of answers, and how far this person is."""

    left: Left
    items: list[AnswerItem]


class PairItems(BaseModel):
    """A page of pairs, and how far this person is."""

    left: Left
    items: list[PairItem]


class _Said(BaseModel):
    model_config = ConfigDict(extra="forbid")
    key: Key
    by: Word = ""
    comment: Comment = ""


class LabelIn(_Said):
    """A label: what the check should have said; null for a comment alone, or to take a label back."""

    check: Word
    passed: bool | None


class PreferenceIn(_Said):
    """Which answer is better; null to take a choice back. ``a`` and ``b`` are as in the list of pairs."""

    a: Word
    b: Word
    preferred: Literal["left", "right", "tie"] | None


class Stored(BaseModel):
    """It is on disk."""

    left: Left


def router(site: Site) -> APIRouter:
    """What there is to label in a run, labels and preferences."""
    rooms = APIRouter(prefix="/api/runs/{run_id}", tags=["labels"], **GUARDED)
    _add_items(rooms, site)
    _add_labels(rooms, site)
    return rooms


def _add_items(rooms: APIRouter, site: Site) -> None:
    @rooms.get("/answers", responses=NOT_FOUND)
    def items(run_id: RunId, query: Annotated[AnswersQuery, Query()]) -> AnswerItems:
        """Answers that a check has judged, in an order that says nothing about who gave them."""
        _must_have(site, run_id)
        rows = answers_to_label(
            site.store, run_id, query.check, by=query.by, after=query.after, open_only=query.todo, limit=query.limit
        )
        left = answers_left(site.store, run_id, query.check, by=query.by)
        return AnswerItems(left=left, items=[_answer(row, blind=query.blind) for row in rows])

    @rooms.get("/pairs", responses=NOT_FOUND)
    def pairs(run_id: RunId, query: Annotated[PairsQuery, Query()]) -> PairItems:
        """The answers of two variants to the same cases; which stands on the left is as good as random, and always the same."""
        _must_have(site, run_id)
        labels = _ordered(query.a, query.b)
        rows = pairs_to_label(
            site.store, run_id, labels, by=query.by, after=query.after, open_only=query.todo, limit=query.limit
        )
        left = pairs_left(site.store, run_id, labels, by=query.by)
        return PairItems(left=left, items=[_pair(row, labels, blind=query.blind) for row in rows])


def _add_labels(rooms: APIRouter, site: Site) -> None:
    answers = {**NOT_FOUND, **REFUSED}

    @rooms.post("/labels", responses=answers)
    def label(run_id: RunId, given: LabelIn) -> Stored:
        """Store a label; it replaces what the same person said of the same answer and check."""
        trial = answer_of(site.store, run_id, given.check, given.key)
        if trial is None:
            raise HTTPException(404, "there is no such answer")
        one = Label(
            suite_path=trial["suite_path"],
            case_id=trial["case_id"],
            variant=trial["label"],
            repeat=trial["repeat_number"],
            check=given.check,
            passed=given.passed,
            by=given.by,
            at=utc_now().isoformat(),
            comment=given.comment,
        )
        _keep(lambda: site.book.label(run_id, one))
        return Stored(left=answers_left(site.store, run_id, given.check, by=given.by))

    @rooms.post("/preferences", responses=answers)
    def prefer(run_id: RunId, given: PreferenceIn) -> Stored:
        """Store a preference; it replaces what the same person said of the same pair."""
        labels = _ordered(given.a, given.b)
        pair = pair_of(site.store, run_id, labels, given.key)
        if pair is None:
            raise HTTPException(404, "there is no such pair")
        one = Preference(
            suite_path=pair["suite_path"],
            case_id=pair["case_id"],
            a=labels[0],
            b=labels[1],
            repeat=pair["repeat"],
            winner=_winner(given.preferred, given.key),
            by=given.by,
            at=utc_now().isoformat(),
            comment=given.comment,
        )
        _keep(lambda: site.book.prefer(run_id, one))
        return Stored(left=pairs_left(site.store, run_id, labels, by=given.by))


def _must_have(site: Site, run_id: str) -> None:
    if not has_run(site.store, run_id):
        raise HTTPException(404, "there is no such run")


def _keep(write: Callable[[], None]) -> None:
    try:
        write()
    except StoreError as error:
        raise HTTPException(409, error.message) from error


def _ordered(a: str, b: str) -> tuple[str, str]:
    first, second = sorted((a, b))
    return first, second


def _winner(preferred: Literal["left", "right", "tie"] | None, key: str) -> Winner | None:
    if preferred is None or preferred == "tie":
        return preferred
    return "b" if (preferred == "left") == swapped(key) else "a"


def _answer(row: dict[str, Any], *, blind: bool) -> AnswerItem:
    hidden = dict.fromkeys(("label", "prompt", "model")) if blind else {}
    return AnswerItem(**{name: row[name] for name in AnswerItem.model_fields} | hidden)


def _pair(row: dict[str, Any], labels: tuple[str, str], *, blind: bool) -> PairItem:
    turned = swapped(row["key"])
    texts, names = (row["answer_a"], row["answer_b"]), labels
    sides: dict[str | None, Literal["left", "right", "tie"] | None] = {
        None: None,
        "tie": "tie",
        "a": "right" if turned else "left",
        "b": "left" if turned else "right",
    }
    return PairItem(
        key=row["key"],
        case_id=row["case_id"],
        vars=row["vars"],
        expect=row["expect"],
        left=texts[turned],
        right=texts[not turned],
        preferred=sides[row["winner"]],
        comment=row["comment"],
        left_label=None if blind else names[turned],
        right_label=None if blind else names[not turned],
    )
