"""Whatever stands in a configuration: an import ends in files or in a clear error, never in a crash."""

from __future__ import annotations

import json
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from evalkit.errors import EvalkitError
from evalkit.importers.promptfoo.assertions import KINDS
from evalkit.importers.promptfoo.project import Wanted, import_promptfoo

JUNK = st.recursive(
    st.none() | st.booleans() | st.integers(-5, 5) | st.floats(allow_nan=False, allow_infinity=False)
    | st.sampled_from(["", "x", "{{q}}", "{{", "file://t.csv", "file://.", "file://*", "a,b", "output", "output.a", "openai:a", "\\", "[", '[{"role": 1}]'])
    | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(["id", "type", "value", "text", "path", "$ref", "q"]), inner, max_size=3),
    max_leaves=6,
)  # fmt: skip
ASSERTION = st.fixed_dictionaries(
    {"type": st.sampled_from([*KINDS, *(f"not-{kind}" for kind in KINDS), "assert-set", "nothing"]) | JUNK},
    optional=dict.fromkeys(
        ("value", "threshold", "weight", "metric", "transform", "provider", "assert", "config"), JUNK
    ),
)
TEST = st.fixed_dictionaries(
    {"assert": st.lists(ASSERTION | JUNK, max_size=3) | JUNK},
    optional=dict.fromkeys(("vars", "description", "options", "threshold", "metadata"), JUNK),
)
CONFIG = st.fixed_dictionaries(
    {
        "prompts": st.just(["{{q}}"]) | JUNK,
        "providers": st.just(["openai:a"]) | JUNK,
        "tests": st.lists(TEST | JUNK, max_size=3) | JUNK,
    },
    optional=dict.fromkeys(("defaultTest", "scenarios", "description", "evaluateOptions", "junk"), TEST | JUNK),
)


@settings(max_examples=300, deadline=None)
@given(CONFIG)
def test_junk_is_imported_or_refused(config: dict[str, Any]) -> None:
    """What is imported can be read back; every other outcome is one of evalkit's own errors."""
    with TemporaryDirectory() as name:
        path = Path(name) / "promptfooconfig.json"
        path.write_text(json.dumps(config), encoding="utf-8")
        (Path(name) / "t.csv").write_text("q,__expected\na,b\n", encoding="utf-8")
        try:
            imported = import_promptfoo(path, Wanted(judge="openai/judge"))
        except EvalkitError:
            return
    assert imported.prompts
    assert imported.cases
    assert all(text.startswith("---\n") for text in imported.prompts.values())
