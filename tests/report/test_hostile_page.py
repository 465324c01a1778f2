"""Hostile answers, prompts, ids and reasons in a real browser: shown as text, nothing runs, nothing is loaded."""

from __future__ import annotations

import pytest


@pytest.fixture(scope="module")
def hostile_count(report) -> int:
    return len({(r.trial.case.id, r.trial.variant.label) for r in report.results if "hostile" in r.trial.case.tags})


def test_hostile_strings_are_shown_and_nothing_runs(visit, hostile_count):
    """Opening every hostile case runs nothing, breaks nothing and asks the network for nothing."""
    found = visit("#tag=hostile")
    assert found.count == str(hostile_count)
    found.page.locator("#case-list").focus()
    found.page.keyboard.press("Enter")
    for _ in range(hostile_count):
        assert found.page.locator("#detail .answer").count() > 0
        found.page.keyboard.press("j")
    for details in found.page.locator("#detail details").all():
        details.evaluate("node => { node.open = true }")
    shown = found.page.evaluate("document.documentElement.innerText")
    assert "window.__pwned" in shown
    assert not {"\x1b", "\u202e", "\u200b"} & set(shown)
    assert found.page.evaluate("window.__pwned") is None
    assert (
        found.page.evaluate(
            "document.querySelectorAll('#detail img, #detail a, #detail iframe, #detail script').length"
        )
        == 0
    )
    assert found.complaints == []
    assert all(request.startswith(("file:", "data:", "about:")) for request in found.requests)


def test_the_policy_holds_against_injected_markup(visit):
    """Were markup to slip in, it would not run: handlers, inline scripts and images are refused, and HTML sinks throw."""
    page = visit().page
    page.evaluate(
        """() => {
          const script = document.createElement('script');
          try { script.textContent = 'window.__pwned = 1'; } catch { /* refused even earlier */ }
          document.body.append(script);
          try { document.body.insertAdjacentHTML('beforeend', '<img src=x onerror="window.__pwned=2">'); } catch (error) { window.sink = error.name; }
        }"""
    )
    assert page.evaluate("window.__pwned") is None
    assert page.evaluate("window.sink") == "TypeError"
