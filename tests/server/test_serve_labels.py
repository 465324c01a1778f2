"""People label answers in the browser, and the judges are compared with what they said."""

from __future__ import annotations

from contextlib import chdir

import duckdb
import pytest
from fakes.eval_project import Project
from hypothesis import given
from hypothesis import strategies as st
from served import SUITE, start

from evalkit.store.labels.secret import SECRET_FILE, Veil, veil_of


@pytest.fixture
def desk(tmp_path):
    """A run whose variants answer alike in form but not in words, and a server on it."""
    project = Project(tmp_path)
    project.configure(answers={"default": "Hello!", "dear": "Hello, dear!"})
    text = (tmp_path / "prompts/hello/v2.j2").read_text(encoding="utf-8")
    project.write("prompts/hello/v2.j2", text.replace("I am", "I am your dear"))
    project.suite(SUITE)
    with chdir(tmp_path):
        assert project.evalkit("run").code == 0
    served = start(tmp_path)
    run_id = served.get("/api/runs")[0]["run_id"]
    yield project, served, run_id
    if served.process.poll() is None:
        assert served.stop() == (0, "")


def says(page, text: str) -> None:
    """Wait until the desk's status line says ``text``."""
    page.locator("#count", has_text=text).wait_for()


def labels_of(project) -> list[dict]:
    """The labels in the journals, in order."""
    return [label for record in project.journal() if record["t"] == "labels" for label in record["labels"]]


def test_labelling_needs_the_keyboard_only_and_can_be_undone(desk, visit):
    """Pass, fail with a comment, undo: each is in the journal, the newest counts, and calibrate reads them."""
    project, served, run_id = desk
    page = visit(served, f"/runs/{run_id}/label")
    page.keyboard.press("Tab")  # the form begins focused at its first field
    for _ in range(20):
        if page.evaluate("document.activeElement.name") == "by":
            break
        page.keyboard.press("Tab")
    page.keyboard.type("ann")
    while page.evaluate("document.activeElement.name") != "start":
        page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    says(page, "0 of 6 labelled")
    page.keyboard.press("p")
    says(page, "1 of 6 labelled")
    page.keyboard.press("c")
    page.keyboard.type("too cold")
    page.keyboard.press("Enter")
    page.keyboard.press("f")
    says(page, "2 of 6 labelled")
    page.keyboard.press("u")
    says(page, "1 of 6 labelled")
    assert page.input_value("#comment") == "too cold", "what was typed is not lost"
    page.keyboard.press("p")
    says(page, "2 of 6 labelled")
    assert not page.complaints
    assert [(one["passed"], one.get("comment", ""), one["by"]) for one in labels_of(project)] == [
        (True, "", "ann"), (False, "too cold", "ann"), (None, "", "ann"), (True, "too cold", "ann"),
    ]  # fmt: skip
    with chdir(project.root):
        ran = project.evalkit("calibrate")
    assert ran.code == 0, ran.err
    assert "2 labelled answers" in ran.out
    page.goto(f"http://127.0.0.1:{served.port}/runs/{run_id}/agreement")
    assert "2 labelled answers" in page.inner_text("main")


@pytest.mark.parametrize("what", ["answers", "pairs"])
def test_blind_means_that_nothing_the_browser_receives_names_the_variant(desk, visit, what):
    """Page, scripts, addresses, headers and JSON, also after choices and an undo, say neither baseline nor candidate, prompt, model or side."""
    project, served, run_id = desk
    page = visit(served)
    heard = []
    page.on(
        "response",
        lambda reply: heard.append(f"{reply.url} {reply.request.post_data} {reply.all_headers()} {reply.text()}"),
    )
    page.goto(f"http://127.0.0.1:{served.port}/runs/{run_id}/label?start=yes&check=contains&what={what}")
    total = 6 if what == "answers" else 3
    says(page, f"0 of {total} labelled")
    for key, count in (("p" if what == "answers" else "1", 1), ("f" if what == "answers" else "2", 2), ("u", 1)):
        page.keyboard.press(key)
        says(page, f"{count} of {total} labelled")
    told = "".join(one for one in heard if "/assets/style.css" not in one) + page.content() + page.url
    assert "Hello, dear!" in told
    assert len(heard) >= 7, "the page, its style, two scripts, the items and what was stored"
    for word in ("candidate", "baseline", "hello:v", "scripted/m", "swapped", "trial_id"):
        assert word not in told, word
    secret = (project.root / "reports" / SECRET_FILE).read_text(encoding="ascii")
    assert secret not in told
    page.goto(f"http://127.0.0.1:{served.port}/runs/{run_id}/label?start=yes&check=contains&shown=all&what={what}")
    page.locator("#answers h2", has_text="scripted/m").first.wait_for()


@pytest.fixture
def pairs(tmp_path):
    """A run with a pair of equal answers and two that differ, of which one turns the line around; and a server on it."""
    project = Project(tmp_path)
    answers = {"default": "Hello!", "dear Ben": '{"says":"Hello, \u202eBen"}', "dear Cem": "Hello, dear Cem."}
    project.configure(answers=answers)
    text = (tmp_path / "prompts/hello/v2.j2").read_text(encoding="utf-8")
    project.write("prompts/hello/v2.j2", text.replace("I am", "I am your dear"))
    project.suite(SUITE.replace("{id: ben,", "{id: ben, expect: {tone: kind},"))
    with chdir(tmp_path):
        assert project.evalkit("run").code in {0, 1}
    served = start(tmp_path)
    yield project, served, served.get("/api/runs")[0]["run_id"]
    if served.process.poll() is None:
        assert served.stop() == (0, "")


def winners(project) -> list[tuple[str | None, str, str]]:
    """Who won, who said so and why, of the preferences in the journals, in order."""
    given = [one for record in project.journal() if record["t"] == "preferences" for one in record["preferences"]]
    return [(one["winner"], one["by"], one.get("comment", "")) for one in given]


def test_nobody_chooses_between_equal_answers_and_what_was_skipped_comes_again(pairs, visit):
    """The equal pair is passed over and counted; what was skipped is offered at the end; a held key, capitals and a wrong key do what the eye expects."""
    project, served, run_id = pairs
    page = visit(served, f"/runs/{run_id}/label?start=yes&what=pairs&by=ann")
    says(page, "0 of 3 labelled")
    page.locator("#answers pre").nth(1).wait_for()
    page.keyboard.press("s")
    page.keyboard.press("p")
    page.keyboard.press("u")
    assert "nothing to take back" in page.inner_text("#trouble")
    page.keyboard.down("2")
    page.keyboard.down("2")
    says(page, "1 of 3 labelled")
    page.keyboard.up("2")
    assert "right is better" in page.inner_text("#said")
    end = page.inner_text("#answers")
    assert "Only what you skipped is left: 1" in end
    assert "1 pair with the same answer on both sides was passed over" in end
    assert not page.locator("[data-say=left]").is_visible()
    page.keyboard.press("a")
    page.locator("#answers pre").nth(1).wait_for()
    page.keyboard.press("T")
    says(page, "2 of 3 labelled")
    assert "Nothing is left to label" in page.inner_text("#answers")
    page.keyboard.press("u")
    says(page, "1 of 3 labelled")
    assert page.locator("#answers pre").count() == 2
    assert not page.complaints
    assert [who for _, who, _ in winners(project)] == ["ann"] * 3
    assert [winner for winner, _, _ in winners(project)][1:] == ["tie", None]


def test_a_pair_is_shown_as_the_report_shows_answers(pairs, visit):
    """JSON stands indented, hidden characters are written out, what was expected is named, and the words that differ are marked when asked for."""
    _, served, run_id = pairs
    page = visit(served, f"/runs/{run_id}/label?start=yes&what=pairs")
    says(page, "0 of 3 labelled")
    seen = []
    for _ in range(2):
        page.locator("#answers pre").nth(1).wait_for()
        assert page.locator("#answers mark").count() == 0
        page.keyboard.press("c")
        page.keyboard.type("half a word")
        page.keyboard.press("Escape")
        page.keyboard.press("d")
        page.locator("#answers mark").first.wait_for()
        assert page.input_value("#comment") == "half a word"
        seen.append(page.inner_text("#desk"))
        page.keyboard.press("d")
        page.keyboard.press("s")
    told = "".join(seen)
    assert '{\n  "says": "Hello, \\u202eBen"\n}' in told
    assert "\u202e" not in told
    assert "expected\ntone: kind" in told


def test_two_people_label_while_the_server_is_stopped_and_started_anew(pairs, visit):
    """Each has an own count; without a server nothing is stored and the comment stays; after the new address was opened the same key stores it."""
    project, served, run_id = pairs
    address = f"/runs/{run_id}/label?start=yes&what=pairs"
    ann, ben = visit(served, f"{address}&by=ann"), visit(served, f"{address}&by=ben")
    for page in (ann, ben):
        says(page, "0 of 3 labelled")
        page.locator("#answers pre").nth(1).wait_for()
    ben.keyboard.press("t")
    says(ben, "1 of 3 labelled")
    ann.keyboard.press("c")
    ann.keyboard.type("too short")
    ann.keyboard.press("Enter")
    assert served.stop() == (0, "")
    ann.keyboard.press("t")
    ann.locator("#trouble", has_text="Not stored: the server does not answer").wait_for()
    again = start(project.root, "--port", str(served.port))
    try:
        ann.keyboard.press("t")
        ann.locator("#trouble", has_text="started anew").wait_for()
        assert ann.input_value("#comment") == "too short"
        ann.context.new_page().goto(again.url)
        ann.keyboard.press("t")
        says(ann, "1 of 3 labelled")
        assert not ann.locator("#trouble").is_visible()
        assert winners(project) == [("tie", "ben", ""), ("tie", "ann", "too short")]
        (project.root / "reports" / "journal").rename(project.root / "elsewhere")
        again.until("/api/runs", lambda runs: not runs)
        ann.keyboard.press("t")
        ann.locator("#trouble", has_text="not in the run any more").wait_for()
    finally:
        again.stop()


def test_a_pair_stands_in_an_order_that_stays_and_the_choice_means_the_right_variant(desk, visit):
    """Sides come from the secret and are the same at every visit; a choice of the dear answer counts for its variant, wherever it stood."""
    project, served, run_id = desk
    pair = served.get(f"/api/runs/{run_id}/variant-pairs")
    assert [(one["a"], one["b"]) for one in pair] == [("baseline-scripted/m", "candidate-scripted/m")]
    first = served.get(f"/api/runs/{run_id}/pairs", pair=pair[0]["pair"])["items"]
    assert first == served.get(f"/api/runs/{run_id}/pairs", pair=pair[0]["pair"])["items"]
    assert len(first) == 3
    veil = veil_of(project.root / "reports")
    assert all(("dear" in item["left"]) == veil.swapped(item["key"]) for item in first)
    page = visit(served, f"/runs/{run_id}/label?start=yes&what=pairs&by=ben")
    for number in range(1, 4):
        page.locator("#answers pre").nth(1).wait_for()
        left = page.locator("#answers pre").first.inner_text()
        page.keyboard.press("1" if "dear" in left else "2")
        says(page, f"{number} of 3 labelled")
    page.keyboard.press("u")
    says(page, "2 of 3 labelled")
    left = page.locator("#answers pre").first.inner_text()
    page.keyboard.press("1" if "dear" in left else "2")
    says(page, "3 of 3 labelled")
    assert not page.complaints
    page.goto(f"http://127.0.0.1:{served.port}/runs/{run_id}/agreement")
    cells = page.locator("section[aria-labelledby=preferred-title] tbody tr td.num").all_inner_texts()
    assert cells == ["0", "3", "0"]
    last = page.locator("section[aria-labelledby=preferred-title] tbody td").last.inner_text()
    assert last == "100.0% (3 of 3, 95% interval 43.9% to 100.0%): no clear preference"
    said = [one for record in project.journal() if record["t"] == "preferences" for one in record["preferences"]]
    assert [one["winner"] for one in said] == ["b", "b", "b", None, "b"]


@pytest.mark.parametrize("secret", ["k", "0" * 64, "longer than a block of SHA-256, " * 3])
@given(parts=st.lists(st.text(st.characters(exclude_categories=["Cs"]), max_size=20), min_size=1, max_size=4))
def test_the_database_gives_the_names_that_the_server_gives(secret, parts):
    """A name as SQL works it out is HMAC-SHA-256 of the same texts, whatever they hold: a link to an item stays what it was."""
    veil = Veil(secret)
    values = {f"part_{place}": part for place, part in enumerate(parts)}
    sql = f"select {veil.sql(*(f'${name}' for name in values))}"
    with duckdb.connect() as connection:
        assert connection.execute(sql, values | veil.pads).fetchall() == [(veil.name(*parts),)]


def test_sides_and_names_come_from_a_secret_that_stays(tmp_path):
    """Both sides come up; the key alone does not give the side away; another folder's names are others; a cut secret is made anew."""
    one, other = veil_of(tmp_path / "one"), veil_of(tmp_path / "other")
    assert one == veil_of(tmp_path / "one")
    keys = [one.name("run", str(number)) for number in range(64)]
    assert len({*keys, *(other.name("run", str(number)) for number in range(64))}) == 128
    sides = [one.swapped(key) for key in keys]
    assert {True, False} == set(sides)
    for bit in range(4):
        assert sides != [bool(int(key[-1], 16) >> bit & 1) for key in keys]
    assert [other.swapped(key) for key in keys] != sides
    path = tmp_path / "one" / SECRET_FILE
    assert path.stat().st_mode & 0o777 == 0o600
    path.write_text("short", encoding="ascii")
    assert veil_of(tmp_path / "one") not in {one, other}
    assert veil_of(tmp_path / "one") == veil_of(tmp_path / "one")
    assert len([*path.parent.iterdir()]) == 1


def test_labels_outlive_the_server_and_a_run_without_a_journal_takes_none(desk):
    """A new server knows the labels; a run that only the database knows refuses them with a reason."""
    project, served, run_id = desk
    key = served.get(f"/api/runs/{run_id}/answers", check="contains")["items"][0]["key"]
    body = {"key": key, "check": "contains", "passed": False, "by": "ann", "comment": "x"}
    assert served.ask(f"/api/runs/{run_id}/labels", method="POST", body=body).json == {
        "left": {"total": 6, "labelled": 1}
    }
    assert served.stop() == (0, "")
    again = start(project.root)
    try:
        left = again.get(f"/api/runs/{run_id}/answers", check="contains", by="ann")
        assert left["left"] == {"total": 6, "labelled": 1}
        assert key not in [item["key"] for item in left["items"]]
        missing = again.ask(f"/api/runs/{run_id}/labels", method="POST", body={**body, "key": "0" * 32})
        assert missing.status == 404
    finally:
        again.stop()
    (project.root / "reports" / "journal").rename(project.root / "elsewhere")
    alone = start(project.root)
    try:
        refused = alone.ask(f"/api/runs/{run_id}/labels", method="POST", body=body)
        assert refused.status == 409
        assert "is not here" in refused.json["detail"]
    finally:
        alone.stop()
