"""People label answers in the browser, and the judges are compared with what they said."""

from __future__ import annotations

from contextlib import chdir

import pytest
from fakes.eval_project import Project
from served import SUITE, start

from evalkit.store.label_items import swapped


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


def test_blind_means_that_nothing_on_the_page_or_the_wire_names_the_variant(desk, visit):
    """Neither the page nor what it loads says baseline or candidate, the prompt or the model; the order mixes the variants."""
    _, served, run_id = desk
    page = visit(served)
    heard = []
    page.on("response", lambda reply: heard.append(reply.text() if "/answers?" in reply.url else ""))
    page.goto(f"http://127.0.0.1:{served.port}/runs/{run_id}/label?start=yes&check=contains")
    says(page, "0 of 6 labelled")
    told = "".join(heard) + page.locator("#desk").evaluate("desk => desk.outerHTML")
    assert "Hello" in told
    for word in ("candidate", "baseline", "hello:v", "scripted/m"):
        assert word not in told.replace('data-a="baseline-scripted/m"', "").replace('data-b="candidate-scripted/m"', "")
    page.goto(f"http://127.0.0.1:{served.port}/runs/{run_id}/label?start=yes&check=contains&shown=all")
    page.locator("#answers h3", has_text="scripted/m").wait_for()


def test_a_pair_stands_in_an_order_that_stays_and_the_choice_means_the_right_variant(desk, visit):
    """Sides are mixed over the cases and the same at every visit; a choice of the dear answer counts for its variant, wherever it stood."""
    project, served, run_id = desk
    labels = {"a": "baseline-scripted/m", "b": "candidate-scripted/m"}
    first = served.get(f"/api/runs/{run_id}/pairs", **labels)["items"]
    assert first == served.get(f"/api/runs/{run_id}/pairs", a=labels["b"], b=labels["a"])["items"]
    assert len(first) == 3
    assert all(("dear" in item["left"]) == swapped(item["key"]) for item in first)
    assert {swapped(f"{number:032x}") for number in range(9)} == {True, False}
    page = visit(served, f"/runs/{run_id}/label?start=yes&what=pairs&by=ben")
    for number in range(1, 4):
        page.locator("#answers pre").nth(1).wait_for()
        left = page.locator("#answers pre").first.inner_text()
        page.keyboard.press("1" if "dear" in left else "2")
        says(page, f"{number} of 3 labelled")
    assert not page.complaints
    page.goto(f"http://127.0.0.1:{served.port}/runs/{run_id}/agreement")
    cells = page.locator("section[aria-labelledby=preferred-title] tbody tr td.num").all_inner_texts()
    assert cells == ["0", "3", "0"]
    given = [one for record in project.journal() if record["t"] == "preferences" for one in record["preferences"]]
    assert {one["winner"] for one in given} == {"b"}


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
