"""The pages say what the code does: every key, option and link in them exists, and the other way round."""

from __future__ import annotations

import re
from dataclasses import fields
from pathlib import Path

import pytest

from evalkit import config
from evalkit.config import Config
from evalkit.pytest_plugin.options import add_options

ROOT = Path(__file__).parents[1]
PAGES = sorted([ROOT / "README.md", ROOT / "SECURITY.md", *(ROOT / "docs").rglob("*.md")])
CONFIGURATION = (ROOT / "docs" / "reference" / "configuration.md").read_text(encoding="utf-8")


class Options:
    """Collects what a plugin adds."""

    def __init__(self) -> None:
        self.names: list[str] = []

    def getgroup(self, *_args: object) -> Options:
        return self

    def addoption(self, *names: str, **_kwargs: object) -> None:
        self.names += names


def test_every_setting_is_documented() -> None:
    """Each key of [tool.evalkit], of a provider, a price and a limit stands on the configuration page."""
    keys = {field.name for field in fields(Config)} - {"root", "workers"}
    keys |= config._PROVIDER_KEYS | config._PRICE_KEYS | config._LIMIT_KEYS | config._MODEL_KEYS
    assert {key for key in keys if key not in CONFIGURATION} == set()


def test_every_option_is_documented() -> None:
    """Each option of the plugin stands on the configuration page, and each option there exists."""
    options = Options()
    add_options(options)  # type: ignore[arg-type]
    documented = set(
        re.findall(
            r"--(?:evalkit-[a-z-]+|baseline|allow-no-baseline|untrusted|max-cost|max-tokens|max-calls)", CONFIGURATION
        )
    )
    assert documented == set(options.names)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.relative_to(ROOT).as_posix())
def test_links_between_pages_lead_somewhere(page: Path) -> None:
    """A relative link names a file that exists."""
    targets = re.findall(r"\]\((?!https?:|#)([^)#\s]+)", page.read_text(encoding="utf-8"))
    assert [target for target in targets if not (page.parent / target).exists()] == []


def test_every_page_is_reachable_from_the_readme() -> None:
    """No page is an orphan: the README, or a page it links to, leads there."""
    seen, todo = set(), [ROOT / "README.md"]
    while todo:
        page = todo.pop()
        if page in seen or not page.exists():
            continue
        seen.add(page)
        links = re.findall(r"\]\((?!https?:|#)([^)#\s]+\.md)", page.read_text(encoding="utf-8"))
        todo += [(page.parent / link).resolve() for link in links]
    assert {page.relative_to(ROOT).as_posix() for page in PAGES if page not in seen} == set()
