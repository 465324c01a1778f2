"""What people say of answers, as JSON: what there is to label, and labels and preferences that go to the run's journal."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Query
from pydantic import BaseModel, ConfigDict, Field
from starlette.exceptions import HTTPException

from evalkit.errors import StoreError
from evalkit.harness.facts import utc_now
from evalkit.model.results import Label, Preference, Winner
from evalkit.server.answers import GUARDED, NOT_FOUND, REFUSED
from evalkit.server.api_runs import RunId
from evalkit.server.api_runs import Word as Text
from evalkit.server.desk import Left, answers_desk, pairs_desk, pairs_of
from evalkit.server.site import Site
from evalkit.store.browse.questions import has_run
from evalkit.store.labels.items import Contents, Item, Word, answers_at, contents, pairs_at, variants_of

Key = Annotated[str, Field(pattern=r"^[0-9a-f]{32}$", description="The item, as the list of items names it.")]
PairName = Annotated[
    str, Field(pattern=r"^[0-9a-f]{32}$", description="Two variants, as the list of pairs of variants names them.")
]
Side = Literal["left", "right", "tie"]
Comment = Annotated[str, Field(max_length=4000)]


class _Queue(BaseModel):
    model_config = ConfigDict(extra="forbid")
    by: Text = Field("", description="Who labels.")
    blind: bool = Field(True, description="Leave out which variant, prompt and model it is.")
    todo: bool = Field(True, description="Only what this person has not labelled.")
    after: str = Field("", max_length=32, description="Key of the last item of the page before.")
    limit: int = Field(20, ge=1, le=100)


class AnswersQuery(_Queue):
    """Which answers to label."""

    check: Text = Field(description="The check, with a number behind if there are several of that name.")


class PairsQuery(_Queue):
    """Which answers to set beside each other."""

    pair: PairName


class VariantPair(BaseModel):
    """Two variants of a run. ``pair`` does not say which they are."""

    pair: str
    a: str
    b: str


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
    preferred: Side | None
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
    by: Text = ""
    comment: Comment = ""


class LabelIn(_Said):
    """A label: what the check should have said; null for a comment alone, or to take a label back."""

    check: Text
    passed: bool | None


class PreferenceIn(_Said):
    """Which answer is better; null to take a choice back."""

    pair: PairName
    preferred: Side | None


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
        desk = answers_desk(site, run_id, query.check, by=query.by)
        page = desk.page(after=query.after, todo=query.todo, limit=query.limit)
        there = answers_at(site.store, run_id, list(page.values()))
        chosen = {key: there[place] for key, place in page.items() if place in there}
        shown = contents(site.store, run_id, chosen.values())
        found = [_answer(key, item, desk.word(key), shown) for key, item in chosen.items()]
        if not query.blind:
            _name(found, chosen.values(), variants_of(site.store, run_id))
        return AnswerItems(left=desk.left, items=found)

    @rooms.get("/variant-pairs", responses=NOT_FOUND)
    def variant_pairs(run_id: RunId) -> list[VariantPair]:
        """Every two variants of the run, by the name under which their answers are set beside each other."""
        _must_have(site, run_id)
        return [VariantPair(pair=name, a=a, b=b) for name, (a, b) in pairs_of(site, run_id).items()]

    @rooms.get("/pairs", responses=NOT_FOUND)
    def pairs(run_id: RunId, query: Annotated[PairsQuery, Query()]) -> PairItems:
        """The answers of two variants to the same cases; which stands on the left is as good as random, and always the same."""
        labels = _labels_of(site, run_id, query.pair)
        desk = pairs_desk(site, run_id, labels, by=query.by)
        page = desk.page(after=query.after, todo=query.todo, limit=query.limit)
        there = pairs_at(site.store, run_id, labels, list(page.values()))
        chosen = {key: there[place] for key, place in page.items() if place in there}
        shown = contents(site.store, run_id, chosen.values())
        names = None if query.blind else labels
        found = [
            _pair(key, item, desk.word(key), shown, swapped=site.veil.swapped(key), names=names)
            for key, item in chosen.items()
        ]
        return PairItems(left=desk.left, items=found)


def _add_labels(rooms: APIRouter, site: Site) -> None:
    answers = {**NOT_FOUND, **REFUSED}

    @rooms.post("/labels", responses=answers)
    def label(run_id: RunId, given: LabelIn) -> Stored:
        """Store a label; it replaces what the same person said of the same answer and check."""
        place = answers_desk(site, run_id, given.check, by=given.by).places.get(given.key)
        item = answers_at(site.store, run_id, [place]).get(place) if place else None
        if item is None:
            raise HTTPException(404, "there is no such answer")
        one = Label(
            suite_path=item.suite_path,
            case_id=item.case_id,
            variant=item.label,
            repeat=item.repeat,
            check=given.check,
            passed=given.passed,
            by=given.by,
            at=utc_now().isoformat(),
            comment=given.comment,
        )
        _keep(lambda: site.book.label(run_id, one))
        return Stored(left=answers_desk(site, run_id, given.check, by=given.by).left)

    @rooms.post("/preferences", responses=answers)
    def prefer(run_id: RunId, given: PreferenceIn) -> Stored:
        """Store a preference; it replaces what the same person said of the same pair."""
        labels = _labels_of(site, run_id, given.pair)
        place = pairs_desk(site, run_id, labels, by=given.by).places.get(given.key)
        item = pairs_at(site.store, run_id, labels, [place]).get(place) if place else None
        if item is None:
            raise HTTPException(404, "there is no such pair")
        one = Preference(
            suite_path=item.suite_path,
            case_id=item.case_id,
            a=labels[0],
            b=labels[1],
            repeat=item.repeat,
            winner=_winner(given.preferred, swapped=site.veil.swapped(given.key)),
            by=given.by,
            at=utc_now().isoformat(),
            comment=given.comment,
        )
        _keep(lambda: site.book.prefer(run_id, one))
        return Stored(left=pairs_desk(site, run_id, labels, by=given.by).left)


def _must_have(site: Site, run_id: str) -> None:
    if not has_run(site.store, run_id):
        raise HTTPException(404, "there is no such run")


def _labels_of(site: Site, run_id: str, pair: str) -> tuple[str, str]:
    labels = pairs_of(site, run_id).get(pair)
    if labels is None:
        raise HTTPException(404, "there is no such pair of variants")
    return labels


def _keep(write: Callable[[], None]) -> None:
    try:
        write()
    except StoreError as error:
        raise HTTPException(409, error.message) from error


def _winner(preferred: Side | None, *, swapped: bool) -> Winner | None:
    if preferred is None or preferred == "tie":
        return preferred
    return "b" if (preferred == "left") == swapped else "a"


def _side(winner: object, *, swapped: bool) -> Side | None:
    if winner == "tie":
        return "tie"
    return None if winner is None else "left" if (winner == "b") == swapped else "right"


def _answer(key: str, item: Item, word: Word | None, shown: Contents) -> AnswerItem:
    given, expect = shown.cases.get((item.suite_path, item.case_id, item.case_digest), ({}, {}))
    passed = word.value if word else None
    return AnswerItem(
        key=key,
        case_id=item.case_id,
        vars=given,
        expect=expect,
        answer=shown.texts[item.calls[0]],
        passed=passed if isinstance(passed, bool) else None,
        comment=word.comment if word else "",
        label=None,
        prompt=None,
        model=None,
    )


def _name(
    found: list[AnswerItem], items: Iterable[Item], about: dict[tuple[str, str], tuple[str | None, str | None]]
) -> None:
    """Add what a blind page must not know."""
    for shown, item in zip(found, items, strict=True):
        shown.label = item.label
        shown.prompt, shown.model = about.get((item.suite_path, item.label), (None, None))


def _pair(
    key: str, item: Item, word: Word | None, shown: Contents, *, swapped: bool, names: tuple[str, str] | None
) -> PairItem:
    given, expect = shown.cases.get((item.suite_path, item.case_id, item.case_digest), ({}, {}))
    return PairItem(
        key=key,
        case_id=item.case_id,
        vars=given,
        expect=expect,
        left=shown.texts[item.calls[swapped]],
        right=shown.texts[item.calls[not swapped]],
        preferred=_side(word.value if word else None, swapped=swapped),
        comment=word.comment if word else "",
        left_label=names[swapped] if names else None,
        right_label=names[not swapped] if names else None,
    )
