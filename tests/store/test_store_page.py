"""The page about the store: it says what is true."""

from __future__ import annotations

import re

from samples import gate, info, prompt, result
from schema_page import PAGE, page

from evalkit.store.database.ingest import DATABASE_FILE, ingest
from evalkit.store.database.query import run_sql
from evalkit.store.journal.writer import Journal


def test_the_page_lists_the_tables_as_they_are():
    """The section of tables is what ``python tests/store/schema_page.py`` writes today."""
    text = PAGE.read_text(encoding="utf-8")
    assert text == page(text)


def test_every_recipe_answers(tmp_path):
    """Each query on the page runs on a real database and finds something."""
    journal = Journal(tmp_path / "journal", info())
    journal.append_prompt(prompt("refund:candidate"))
    for label, status in (("baseline-m", "pass"), ("candidate-m", "fail")):
        journal.append_result(result(label=label, status=status))
    journal.append_gates([gate()])
    journal.close(info(complete=True))
    ingest(tmp_path / "journal", tmp_path / DATABASE_FILE)
    recipes = re.findall(r"```sql\n(.*?)```", PAGE.read_text(encoding="utf-8"), re.DOTALL)
    assert len(recipes) == 7
    for recipe in recipes:
        assert run_sql(tmp_path / DATABASE_FILE, recipe).rows, recipe
