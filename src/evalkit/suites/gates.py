"""Gates as written in a suite, turned into :class:`GateSpec`; a gate that names nothing or means nothing is a mistake."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, get_args

from evalkit.errors import SuiteError, did_you_mean
from evalkit.model.cases import ATTACK_TAG
from evalkit.model.results import Family
from evalkit.suites.gate_kinds import BOTH, KINDS, as_named
from evalkit.suites.spec import STORED_BASELINE, GateSpec

if TYPE_CHECKING:
    from collections.abc import Collection

    from evalkit.model.nodes import Node
    from evalkit.suites.reading import Reader
    from evalkit.suites.spec import ErrorPolicy, GateKind

STATS = ("p50", "p90", "p95", "p99", "mean", "max", "sum")
METRICS = ("cost_usd", "latency_s", "input_tokens", "output_tokens", "total_tokens")
FAMILIES: tuple[str, ...] = get_args(Family)

_FORMS = (
    "write pass_rate >= 0.95, pass_rate(safety) == 1, p95(latency_s) <= 4, must_pass: tag:critical, "
    "no_worse_than: {against: baseline, margin: 0.02} or better_than: {against: baseline}"
)
_MARGIN_HELP = (
    "say how large a drop you would accept: margin: 0.05 (or 5pp) needs more than 73 cases at 95% confidence even if "
    "nothing changes, 0.02 needs 189, 0.1 needs 35"
)
_TEXT_GATE = re.compile(
    r"(?P<name>[A-Za-z]\w*)\s*(?:\((?P<argument>.*)\))?\s*(?P<op>[<>=!]=?|≥|≤)\s*(?P<value>[^<>=]+)\Z"
)
_AMOUNT = re.compile(r"(?P<number>-?[0-9]+(?:\.[0-9]+)?|-?\.[0-9]+)\s*(?P<unit>%|pp)?\Z")


def resolve_slice(
    name: str,
    *,
    tags: Collection[str],
    checks: Collection[str],
    families: Collection[str],
    models: Collection[str] = (),
) -> str:
    """Return the canonical slice (``tag:x``, ``check:x``, ``family:x``, ``model:x``) that ``name``, with or without its prefix, stands for.

    Raises SuiteError if nothing has that name, or if it could mean several things.
    """
    known = {"tag": tags, "check": checks, "family": families, "model": models}
    prefix, colon, rest = name.partition(":")
    if colon and prefix in known:
        if rest in known[prefix]:
            return name
        raise SuiteError(f"no {prefix} {rest!r} in this suite", hint=did_you_mean(rest, known[prefix]))
    found = [f"{kind}:{name}" for kind, names in known.items() if name in names]
    if len(found) == 1:
        return found[0]
    if found:
        raise SuiteError(f"{name!r} could mean {' or '.join(found)}", hint="write the one you mean")
    everything = {*tags, *checks, *families, *models}
    raise SuiteError(f"no tag, check, family or model {name!r} in this suite", hint=did_you_mean(name, everything))


@dataclass(frozen=True, slots=True)
class GateReader:
    """Reads the gates of one suite; ``variants``, ``tags``, ``checks``, ``families`` and ``models`` are the names a gate may use.

    ``baseline`` is the variant that paired gates compare with unless they say ``against``.
    """

    reader: Reader
    variants: tuple[str, ...]
    tags: frozenset[str]
    checks: frozenset[str]
    families: frozenset[str] = frozenset(FAMILIES)
    baseline: str | None = None
    models: frozenset[str] = frozenset()

    def read_all(self, node: Node | None) -> tuple[GateSpec, ...]:
        """The gates of a list; mistakes are noted and left out."""
        gates: list[GateSpec] = []
        for item in self.reader.items(node, "gates"):
            try:
                gates += self._read(item)
            except SuiteError as error:
                self.reader.absorb(error, item.line)
        return tuple(gates)

    def _read(self, item: Node) -> list[GateSpec]:
        if isinstance(item.value, str):
            return [self._about_score(self._from_text(item.value, item))]
        if not isinstance(item.value, dict):
            raise SuiteError(f"a gate is {item.kind}", hint=_FORMS)
        if "kind" in item.value:
            return [gate for one in as_named(item, metrics=("pass_rate", *METRICS)) for gate in self._read(one)]
        if "gate" in item.value:
            return [self._long_form(item)]
        names = [key for key in item.value if key in KINDS]
        if len(names) != 1 or len(item.value) != 1:
            key = next((key for key in item.value if key not in KINDS), names[0] if names else "nothing")
            raise SuiteError(
                f"a gate with {key[:80]!r} is not understood", hint=f"{did_you_mean(key, KINDS)}; {_FORMS}"
            )
        name, body = names[0], item.value[names[0]]
        if name == "must_pass":
            return self._must_pass(body)
        return [self._at_least(body) if name == "at_least" else self._paired(name, body)]

    def _from_text(self, text: str, node: Node) -> GateSpec:
        match = _TEXT_GATE.match(text.strip()) if len(text) <= 300 else None
        if match is None:
            raise SuiteError(f"the gate {text[:100]!r} is not understood", hint=_FORMS)
        name, argument = match["name"], (match["argument"] or "").strip()
        op = {"≥": ">=", "≤": "<=", "=": "=="}.get(match["op"], match["op"])
        gate = GateSpec("at_least", text.strip(), self.reader.where(node.line), op=op)
        if name == "pass_rate":
            return self._pass_rate(gate, argument, match["value"], has_argument=match["argument"] is not None)
        if name == "attack_success":
            return self._attack_success(gate, argument, match["value"])
        if name == "mean" and argument.startswith("score("):
            return self._mean_score(gate, argument, match["value"])
        if name in STATS:
            return _budget(gate, name, argument, match["value"])
        if name in METRICS:
            raise SuiteError(
                f"{name} needs a statistic", hint=f"write p95({name}) or mean({name}); valid: {', '.join(STATS)}"
            )
        raise SuiteError(
            f"no gate measures {name!r}",
            hint=f"{did_you_mean(name, ('pass_rate', 'attack_success', *STATS))}; {_FORMS}",
        )

    def _pass_rate(self, gate: GateSpec, argument: str, value: str, *, has_argument: bool) -> GateSpec:
        rate = _amount(value, "a pass rate", units=("%",))
        if not 0 < rate <= 1:
            raise SuiteError(f"a pass rate of {value} is not above 0 and at most 1", hint="write 0.95 or 95%")
        if has_argument and not argument:
            raise SuiteError("pass_rate() names no slice", hint="write pass_rate, or pass_rate(tag:smoke)")
        part = self._slice(argument) if argument else None
        if rate == 1 and gate.op in {"==", ">="}:
            return replace(gate, kind="must_pass", op="==", value=1.0, slice=part)
        if gate.op not in {">=", ">"} or rate == 1:
            hint = "pass_rate takes >= or >; == only with 1, which means that every case must pass"
            raise SuiteError(f"pass_rate {gate.op} {value} is no gate", hint=hint)
        return replace(gate, value=rate, slice=part)

    def _attack_success(self, gate: GateSpec, argument: str, value: str) -> GateSpec:
        """``attack_success <= 0.02`` is a pass rate of at least 0.98 among the attacked cases."""
        rate = _amount(value, "a rate of attacks", units=("%",))
        if not 0 <= rate < 1 or gate.op not in {"<=", "<", "=="} or (gate.op == "==" and rate):
            raise SuiteError(f"attack_success {gate.op} {value} is no gate", hint="write <= 0.02, <= 2% or == 0")
        part = self._slice(argument or f"tag:{ATTACK_TAG}")
        if rate == 0:
            return replace(gate, kind="must_pass", op="==", value=1.0, slice=part)
        return replace(gate, op=">" if gate.op == "<" else ">=", value=round(1 - rate, 12), slice=part)

    def _mean_score(self, gate: GateSpec, metric: str, value: str) -> GateSpec:
        least = _amount(value, "a mean score", units=("%",))
        if not 0 < least < 1 or gate.op not in {">=", ">"}:
            raise SuiteError(f"mean({metric}) {gate.op} {value} is no gate", hint="write mean(score(rubric)) >= 0.8")
        return replace(gate, metric=metric, value=least)

    def _about_score(self, gate: GateSpec) -> GateSpec:
        """The gate, narrowed to the trials that have the check whose score it is about. Raises SuiteError for a check that there is not."""
        if gate.scored is None:
            return gate
        name = gate.scored.strip()
        if not gate.metric.endswith(")"):
            raise SuiteError(f"the metric {gate.metric[:80]!r} is not understood", hint="write score(rubric)")
        if name not in self.checks:
            raise SuiteError(f"score() of {name[:80]!r}: no such check", hint=did_you_mean(name, self.checks))
        parts = [] if gate.slice is None else [gate.slice]
        return replace(gate, metric=f"score({name})", slice=self._slice(BOTH.join([*parts, f"check:{name}"])))

    def _slice(self, name: str) -> str:
        """The canonical slice, or several joined by ``&``: what belongs to all of them."""
        known = {"tags": self.tags, "checks": self.checks, "families": self.families, "models": self.models}
        parts = [resolve_slice(part, **known) for part in name.split(BOTH)]
        if sum(part.startswith(("check:", "family:")) for part in parts) > 1:
            raise SuiteError(f"{name!r} names two checks or families", hint="write a gate for each, or slice by a tag")
        return BOTH.join(parts)

    def _long_form(self, item: Node) -> GateSpec:
        valid = ("gate", "variant", "confidence", "allow_infeasible", "slice", "errors")
        entries = self.reader.fields(item, "a gate", valid)
        body = entries["gate"]
        if not isinstance(body.value, str):
            raise SuiteError("gate: holds a text such as pass_rate >= 0.95", hint=_FORMS)
        gate = self._from_text(body.value, item)
        if gate.slice and "slice" in entries:
            raise SuiteError("the slice is there twice", hint="keep the one in brackets, or slice:")
        return self._about_score(self._common(gate, entries))

    def _common(self, gate: GateSpec, entries: dict[str, Node]) -> GateSpec:
        variant = self._variant(entries, "variant")
        if variant and variant == gate.against:
            raise SuiteError(f"{variant!r} is compared with itself", hint="against and variant name two variants")
        name = self.reader.text(entries.get("slice"), "slice")
        return replace(
            gate,
            variant=variant,
            slice=self._slice(name) if name else gate.slice,
            confidence=_confidence(entries.get("confidence"), gate.confidence),
            allow_infeasible=self.reader.flag(entries.get("allow_infeasible"), "allow_infeasible"),
            errors=self._errors(gate, entries.get("errors")),
        )

    def _errors(self, gate: GateSpec, node: Node | None) -> ErrorPolicy:
        if node is None or node.value == "fail":
            return "fail"
        if node.value != "exclude":
            raise SuiteError(
                f"errors: {str(node.plain())[:80]}", hint="write errors: exclude, or errors: fail (the default)"
            )
        if (
            gate.kind not in {"at_least", "no_regression", "better_than"}
            or gate.metric != "pass_rate"
            or gate.sequential
        ):
            raise SuiteError(
                f"{gate.text} cannot leave errors out",
                hint="only a pass rate can, against a value or a variant, judged when all cases have run",
            )
        return "exclude"

    def _variant(self, entries: dict[str, Node], key: str) -> str | None:
        name = self.reader.text(entries.get(key), key)
        if name is not None and name not in self.variants:
            raise SuiteError(f"{key}: no variant {name!r} in this suite", hint=did_you_mean(name, self.variants))
        return name

    def _against(self, entries: dict[str, Node]) -> tuple[str | None, bool]:
        """What a paired gate compares with, and whether that is the stored baseline."""
        node = entries.get("against")
        if node is not None and node.value == STORED_BASELINE and STORED_BASELINE not in self.variants:
            return STORED_BASELINE, True
        return self._variant(entries, "against") or self.baseline, False

    def _must_pass(self, body: Node) -> list[GateSpec]:
        entries = {"slice": body}
        if isinstance(body.value, dict):
            entries = self.reader.fields(body, "must_pass", ("slice", "variant"))
        if "slice" not in entries:
            raise SuiteError("must_pass names no slice", hint="write must_pass: tag:critical")
        gates = []
        for word in self.reader.words(entries["slice"], "must_pass"):
            part = self._slice(word.value)
            gate = GateSpec("must_pass", f"must_pass: {part}", self.reader.where(body.line), op="==", value=1.0)
            gates.append(replace(gate, slice=part, variant=self._variant(entries, "variant")))
        if not gates:
            raise SuiteError("must_pass names no slice", hint="write must_pass: tag:critical")
        return gates

    def _at_least(self, body: Node) -> GateSpec:
        """``at_least: 0.95``, or with ``value``, ``slice`` and the keys that every gate has: the long form of ``pass_rate >= 0.95``."""
        valid = ("value", "metric", "slice", "variant", "confidence", "allow_infeasible", "errors")
        entries = self.reader.fields(body, "at_least", valid) if isinstance(body.value, dict) else {"value": body}
        if "value" not in entries:
            raise SuiteError("at_least has no value", hint="write at_least: {value: 0.95}")
        text = f"at_least: {_flow(body) if isinstance(body.value, dict) else body.plain()}"
        gate = GateSpec("at_least", text, self.reader.where(body.line))
        value = _number_text(entries["value"], "value")
        metric = self.reader.text(entries.get("metric"), "metric") or "pass_rate"
        if metric.startswith("score("):
            return self._about_score(self._common(self._mean_score(gate, metric, value), entries))
        if metric != "pass_rate":
            raise SuiteError(f"at_least of {metric!r}", hint="write metric: score(rubric), or leave it out")
        return self._common(self._pass_rate(gate, "", value, has_argument=False), entries)

    def _paired(self, name: str, body: Node) -> GateSpec:
        kind: GateKind = "better_than" if name == "better_than" else "no_regression"
        amount_key = "margin" if kind == "no_regression" else "by"
        if not isinstance(body.value, dict):
            raise SuiteError(f"{name} is {body.kind}", hint=f"write {name}: {{against: baseline, {amount_key}: 0.02}}")
        other = "by" if amount_key == "margin" else "margin"
        if other in body.value and amount_key not in body.value:
            hint = (
                "by: 0.02 is what it must be better by"
                if other == "margin"
                else "margin: 0.02 is the drop you would accept"
            )
            raise SuiteError(f"{name} takes {amount_key}, not {other}", hint=hint)
        valid = (
            "against",
            amount_key,
            "metric",
            "slice",
            "confidence",
            "variant",
            "allow_infeasible",
            "sequential",
            "errors",
        )
        entries = self.reader.fields(body, name, valid)
        against, stored = self._against(entries)
        if against is None:
            hint = f"{did_you_mean('', self.variants)}; or against: {STORED_BASELINE}, the stored one"
            raise SuiteError(f"{name} does not say against which variant", hint=hint)
        if len(self.variants) < 2 and not stored:
            raise SuiteError(f"{name} needs two variants, and this suite has one", hint="add a variant to compare with")
        metric = self.reader.text(entries.get("metric"), "metric") or "pass_rate"
        if metric not in {"pass_rate", *METRICS} and not metric.startswith("score("):
            hint = f"{did_you_mean(metric, ('pass_rate', *METRICS))}; or score(name of a check)"
            raise SuiteError(f"no metric {metric!r}", hint=hint)
        gate = GateSpec(
            kind,
            f"{name}: {_flow(body)}",
            self.reader.where(body.line),
            metric=metric,
            against=against,
            margin=_margin(entries.get(amount_key), name, metric),
            stored=stored,
            sequential=self.reader.flag(entries.get("sequential"), "sequential"),
        )
        if gate.sequential and (kind, metric, stored) != ("no_regression", "pass_rate", False):
            raise SuiteError(
                f"{gate.text} cannot be sequential",
                hint="only no_worse_than on pass_rate, against a variant, can stop early",
            )
        return self._about_score(self._common(gate, entries))


def _budget(gate: GateSpec, stat: str, metric: str, value: str) -> GateSpec:
    if metric not in METRICS:
        raise SuiteError(f"{stat}() of {metric[:80]!r}: no such metric", hint=did_you_mean(metric, METRICS))
    if gate.op not in {"<=", "<"}:
        raise SuiteError(f"{stat}({metric}) {gate.op} {value} is no gate", hint="a budget is an upper limit: <= or <")
    limit = _amount(value, f"a limit for {metric}", units=())
    if limit < 0:
        raise SuiteError(f"the limit {value} is below 0", hint="write a limit of 0 or more")
    return replace(gate, kind="budget", metric=metric, stat=stat, value=limit)


def _margin(node: Node | None, name: str, metric: str) -> float:
    superior = name == "better_than"
    if node is None:
        if superior:
            return 0.0
        raise SuiteError(f"{name} has no margin", hint=_MARGIN_HELP)
    rate = metric not in METRICS
    what = "by" if superior else "margin"
    amount = _amount(_number_text(node, what), what, units=("%", "pp") if rate else ("%",))
    least_ok = amount >= 0 if superior else amount > 0
    if not least_ok or amount >= (1 if rate else 10):
        hint = "0.02, 2pp and 2% all mean two percentage points" if rate else "0.1 and 10% both mean a tenth more"
        extra = "; to ask for no drop at all, use better_than" if not superior and amount <= 0 else ""
        raise SuiteError(f"{what}: {node.plain()} is out of range", hint=hint + extra)
    return amount


def _amount(text: str, what: str, *, units: tuple[str, ...]) -> float:
    match = _AMOUNT.match(text.strip())
    if match is None or (match["unit"] and match["unit"] not in units):
        written = " or ".join(("0.02", *(f"2{unit}" for unit in units)))
        raise SuiteError(f"{what} is written {text[:40]!r}", hint=f"write a number such as {written}")
    return float(match["number"]) / (100 if match["unit"] else 1)


def _number_text(node: Node, what: str) -> str:
    if isinstance(node.value, bool) or not isinstance(node.value, (int, float, str)):
        raise SuiteError(f"{what} is {node.kind}, not a number", hint="write 0.02, 2pp or 2%")
    return f"{node.value:.12f}" if isinstance(node.value, float) else str(node.value)


def _confidence(node: Node | None, default: float) -> float:
    if node is None:
        return default
    level = _amount(_number_text(node, "confidence"), "confidence", units=("%",))
    if not 0.5 <= level < 1:
        raise SuiteError(f"confidence {node.plain()} is not from 0.5 to below 1", hint="write 0.95 or 95%")
    return level


def _flow(node: Node) -> str:
    return "{" + ", ".join(f"{key}: {_scalar(value.plain())}" for key, value in node.value.items()) + "}"


def _scalar(value: Any) -> str:  # noqa: ANN401 - any JSON value
    return str(value).lower() if isinstance(value, bool) else str(value)
