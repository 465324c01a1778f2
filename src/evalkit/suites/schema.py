"""The JSON Schema of a suite file, with which editors complete, explain and check suites while they are written."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, get_args

from evalkit.model.calls import Transport
from evalkit.model.cases import PERSONAL_KINDS
from evalkit.suites.attacks import PACKS, PLACES
from evalkit.suites.gate_kinds import KINDS
from evalkit.suites.gates import METRICS, STATS
from evalkit.suites.loader import MAX_REPEATS

if TYPE_CHECKING:
    from collections.abc import Mapping

_TEXT = {"type": "string", "minLength": 1}
_SCALAR = {"type": ["string", "number", "boolean"]}
_AMOUNT = {"anyOf": [{"type": "number"}, {"type": "string", "pattern": r"^\s*-?[0-9]*\.?[0-9]+\s*(%|pp)?\s*$"}]}
_ASIDE = {
    "select": {
        "type": "string",
        "pattern": r"^\$",
        "description": "A JSONPath into the answer; the check judges what it finds.",
    },
    "severity": {"enum": ["fail", "warn"], "description": "warn records a failure without failing the case."},
}
_DELIVERY = {
    "stream": {
        "type": "boolean",
        "description": "Ask for answers piece by piece, which measures the time to first token.",
    },
    "transport": {"enum": list(get_args(Transport)), "description": "sdk: the vendor's client. http: a lean one."},
}


def suite_schema(checks: Mapping[str, Mapping[str, Any]]) -> dict[str, Any]:
    """Return the JSON Schema (2020-12) of a suite file.

    ``checks`` maps a check's name to ``{"long": JSON Schema of its mapping form or None, "short": JSON Schema of the value in
    ``name: value`` or None, "summary": str, "bare": bool}``. ``bare`` says that ``- name`` alone is allowed (default: False).
    """
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "evalkit suite",
        "description": "Cases, variants, checks and gates of one prompt evaluation.",
        "type": "object",
        "required": ["suite", "cases"],
        "anyOf": [{"required": ["prompt"]}, {"required": ["variants"]}],
        "additionalProperties": False,
        "properties": _top(),
        "$defs": {
            "check": _check(checks),
            "case": _case(),
            "dataset": _dataset(),
            "variant": _variant(),
            "attack": _attack(),
            "gate": _gate(),
            "tags": {
                "description": "Words to select cases by (-m, gates): a list, or one text with commas.",
                "anyOf": [_TEXT, {"type": "array", "items": {"type": ["string", "integer"]}}],
            },
            "id": {
                "description": "The case's stable identity; without one, a hash of its content.",
                "anyOf": [{"type": "string", "pattern": "^[A-Za-z0-9_.+/-]{1,100}$"}, {"type": "integer"}],
            },
            "model": {"type": "string", "pattern": r"^[A-Za-z0-9_.-]+/[\w:+\-./]+$", "description": "provider/model"},
            "any_model": {"anyOf": [{"$ref": "#/$defs/model"}, _model()]},
            "fallbacks": _fallbacks(),
            "params": {"type": "object", "description": "Sampling parameters: temperature, max_output_tokens, seed, …"},
        },
    }


def _top() -> dict[str, Any]:
    checks = {"type": "array", "items": {"$ref": "#/$defs/check"}, "description": "Checks for every case."}
    kinds = {"enum": [*PERSONAL_KINDS, "all"]}
    return {
        "suite": {"type": "string", "pattern": r"^[\w.+-]{1,100}$", "description": "The suite's name."},
        "description": {**_TEXT, "description": "What the suite is for, in a sentence."},
        "prompt": {**_TEXT, "description": "The prompt: name, name:v2 or name:latest."},
        "variants": {
            "type": "object",
            "minProperties": 1,
            "additionalProperties": {"$ref": "#/$defs/variant"},
            "description": "What is compared: name → prompt version, model, parameters.",
        },
        "baseline": {**_TEXT, "description": "The variant that the others are compared with."},
        "models": {
            "anyOf": [
                {"$ref": "#/$defs/model"},
                {"type": "array", "minItems": 1, "items": {"$ref": "#/$defs/any_model"}},
            ],
            "description": "Models, crossed with every variant that names none itself.",
        },
        "params": {"$ref": "#/$defs/params"},
        **_DELIVERY,
        "fallbacks": {"$ref": "#/$defs/fallbacks"},
        "grid": {
            "type": "object",
            "additionalProperties": {"type": "array", "minItems": 1, "items": _SCALAR},
            "description": "Parameter → values, crossed with the variants.",
        },
        "repeats": {"type": "integer", "minimum": 1, "maximum": MAX_REPEATS, "description": "Answers per case."},
        "require": {"type": "integer", "minimum": 1, "description": "How many repeats must pass; all by default."},
        "tags": {"$ref": "#/$defs/tags"},
        "priority": {"$ref": "#/$defs/tags", "description": "Tags whose cases are asked and judged first."},
        "redact": {
            "anyOf": [kinds, {"type": "array", "items": kinds}],
            "description": "Personal data that is taken out of what is stored; checks judge the original.",
        },
        "cases": {
            "type": "array",
            "minItems": 1,
            "description": "Cases, written here or read from files.",
            "items": {
                "if": {"type": "object", "required": ["file"]},
                "then": {"$ref": "#/$defs/dataset"},
                "else": {"$ref": "#/$defs/case"},
            },
        },
        "attacks": {
            "type": "array",
            "minItems": 1,
            "items": {"$ref": "#/$defs/attack"},
            "description": "Prompt injection, jailbreaks, leaks and exfiltration, put into a variable of the cases.",
        },
        "checks": checks,
        "gates": {
            "type": "array",
            "items": {"$ref": "#/$defs/gate"},
            "description": "Rules over the whole run; with gates, they decide instead of single cases.",
        },
    }


def _case() -> dict[str, Any]:
    return {
        "type": "object",
        "additionalProperties": False,
        "properties": {
            "id": {"$ref": "#/$defs/id"},
            "vars": {
                "type": "object",
                "propertyNames": {"not": {"enum": ["vars", "expect"]}},
                "description": "What the prompt is rendered with.",
            },
            "expect": {"type": "object", "description": "What checks compare with: {{ expect.answer }}."},
            "tags": {"$ref": "#/$defs/tags"},
            "checks": {"type": "array", "items": {"$ref": "#/$defs/check"}, "description": "Checks for this case."},
            "cluster": {"type": ["string", "integer"], "description": "Cases that belong together (one document, …)."},
        },
    }


def _dataset() -> dict[str, Any]:
    names = {"type": "array", "items": _TEXT}
    mapping = {"anyOf": [names, {"type": "object", "additionalProperties": _TEXT}]}
    return {
        "type": "object",
        "additionalProperties": False,
        "required": ["file"],
        "properties": {
            "file": {
                **_TEXT,
                "description": "A csv, jsonl, json, yaml or parquet file, or a glob, seen from the suite's folder.",
            },
            "tags": {"$ref": "#/$defs/tags"},
            "map": {
                "type": "object",
                "additionalProperties": False,
                "description": "Which column becomes what.",
                "properties": {"id": _TEXT, "tags": _TEXT, "cluster": _TEXT, "vars": mapping, "expect": mapping},
            },
        },
    }


def _variant() -> dict[str, Any]:
    return {
        "type": "object",
        "additionalProperties": False,
        "properties": {
            "prompt": {**_TEXT, "description": "The prompt version: name:v2 or name:latest."},
            "model": {"$ref": "#/$defs/model"},
            "params": {"$ref": "#/$defs/params"},
            "at": {**_TEXT, "description": "A git revision to take the prompt from, as in origin/main."},
            **_DELIVERY,
            "fallbacks": {"$ref": "#/$defs/fallbacks"},
        },
    }


def _model() -> dict[str, Any]:
    params = {"$ref": "#/$defs/params"}
    return _closed({"model": {"$ref": "#/$defs/model"}, "params": params, **_DELIVERY}, ["model"])


def _fallbacks() -> dict[str, Any]:
    answer = _closed({"answer": {**_TEXT, "description": "The answer of last resort; it stands last."}}, ["answer"])
    return {
        "type": "array",
        "items": {"anyOf": [{"$ref": "#/$defs/any_model"}, answer]},
        "description": "What is asked, in order, when there is no answer: models, and last a text.",
    }


def _check(checks: Mapping[str, Mapping[str, Any]]) -> dict[str, Any]:
    bare = sorted(name for name, form in checks.items() if form.get("bare"))
    many = {"type": "array", "minItems": 1, "items": {"$ref": "#/$defs/check"}}
    properties = {
        **{name: _forms(checks[name]) for name in sorted(checks)},
        "not": {"$ref": "#/$defs/check", "description": "The check must fail."},
        "any_of": {**many, "description": "At least one check must pass."},
        "all_of": {**many, "description": "Every check must pass."},
    }
    one_name = {
        "type": "object",
        "properties": {**properties, **_ASIDE},
        "additionalProperties": False,
        "oneOf": [{"required": [name]} for name in properties],
    }
    return {"anyOf": [{"enum": bare}, one_name] if bare else [one_name]}


def _forms(form: Mapping[str, Any]) -> dict[str, Any]:
    options: list[dict[str, Any]] = []
    if form.get("long") is not None:
        long = dict(form["long"])
        long["properties"] = {**long.get("properties", {}), **_ASIDE}
        options.append(long)
    if form.get("short") is not None:
        options.append(dict(form["short"]))
    if form.get("bare"):
        options.append({"enum": [None, True]})
    return {"description": form.get("summary", ""), "anyOf": options or [{}]}


def _attack() -> dict[str, Any]:
    packs = {"enum": ["all", *PACKS]}
    return {
        "type": "object",
        "required": ["pack", "into"],
        "additionalProperties": False,
        "properties": {
            "pack": {
                "anyOf": [packs, {"type": "array", "minItems": 1, "items": packs}],
                "description": "Which attacks, of one kind or of several.",
            },
            "into": {**_TEXT, "description": "The variable that an attacker can write: a text in each case."},
            "place": {
                "enum": list(PLACES),
                "description": "Where the attack stands; behind the variable's text by default.",
            },
            "cases": {"$ref": "#/$defs/tags", "description": "The ids of the cases to attack; all by default."},
            "with_tags": {"$ref": "#/$defs/tags", "description": "Attack the cases that have one of these tags."},
            "every_case": {
                "type": "boolean",
                "description": "Each attack on each case, instead of the attacks spread over the cases.",
            },
            "suite_checks": {"type": "boolean", "description": "Judge attacked cases by the suite's checks, too."},
            "checks": {
                "type": "array",
                "items": {"$ref": "#/$defs/check"},
                "description": "More checks for attacked cases.",
            },
            "tags": {"$ref": "#/$defs/tags"},
        },
    }


def _gate() -> dict[str, Any]:
    text = {
        "type": "string",
        "pattern": rf"^\s*((?:pass_rate|attack_success)\s*(\(.+\))?|({'|'.join(STATS)})\s*\(\s*({'|'.join(METRICS)})\s*\)|mean\s*\(\s*score\(.+\)\s*\))\s*(>=|<=|==?|>|<|≥|≤)\s*[0-9.]+\s*%?\s*$",
        "description": "pass_rate >= 0.95, pass_rate(tag:smoke) == 1, p95(latency_s) <= 4",
    }
    common = {
        "variant": {**_TEXT, "description": "The variant it applies to; all but the compared-with one by default."},
        "slice": {**_TEXT, "description": "tag:x, check:x, family:x or model:x"},
        "confidence": {**_AMOUNT, "description": "Two-sided level, 0.95 by default."},
        "allow_infeasible": {"type": "boolean", "description": "Run although the gate cannot pass with these cases."},
        "errors": {
            "enum": ["fail", "exclude"],
            "description": "Count errors as failures (the default), or leave them out and say both.",
        },
    }
    score = {
        "type": "string",
        "pattern": r"^score\(.+\)$",
        "description": "score(rubric): the mean score of that check.",
    }
    paired = {
        "against": {
            **_TEXT,
            "description": "The variant to compare with; baseline: the stored one, unless a variant has that name.",
        },
        "metric": {
            "anyOf": [{"enum": ["pass_rate", *METRICS]}, score],
            "description": "pass_rate by default.",
        },
        **common,
    }
    early = {"type": "boolean", "description": "Decide as soon as the cases so far do, and ask no further."}
    no_worse = {"margin": _AMOUNT, "sequential": early, **paired}
    at_least = {"anyOf": [_AMOUNT, _closed({"value": _AMOUNT, "metric": score, **common}, ["value"])]}
    return {
        "anyOf": [
            text,
            _closed({"at_least": at_least}, ["at_least"]),
            _closed({"gate": text, **common}, ["gate"]),
            *(_closed({name: _closed(no_worse, ["margin"])}, [name]) for name in ("no_worse_than", "no_regression")),
            _closed({"better_than": _closed({"by": _AMOUNT, **paired}, [])}, ["better_than"]),
            _closed({"must_pass": _must_pass(common["variant"])}, ["must_pass"]),
            _closed(_by_kind(no_worse, common), ["kind"]),
        ]
    }


def _by_kind(no_worse: dict[str, Any], common: dict[str, Any]) -> dict[str, Any]:
    """``{kind: no_worse_than, metric: pass_rate, …}``: every gate in one form."""
    tags = {"anyOf": [_TEXT, {"type": "array", "minItems": 1, "items": _TEXT}]}
    return {
        **no_worse,
        **common,
        "kind": {"enum": list(KINDS), "description": "What the gate asks for."},
        "baseline": {**_TEXT, "description": "As against."},
        "metric": {
            **_TEXT,
            "description": "pass_rate by default; a cost, latency or token metric; a check or a family; score(check).",
        },
        "tags": {**tags, "description": "Cases with this tag; one gate for each."},
        "value": _AMOUNT,
        "by": _AMOUNT,
    }


def _must_pass(variant: object) -> dict[str, Any]:
    slices = {"anyOf": [_TEXT, {"type": "array", "minItems": 1, "items": _TEXT}]}
    return {"anyOf": [*slices["anyOf"], _closed({"slice": slices, "variant": variant}, ["slice"])]}


def _closed(properties: dict[str, Any], required: list[str]) -> dict[str, Any]:
    return {"type": "object", "additionalProperties": False, "required": required, "properties": properties}
