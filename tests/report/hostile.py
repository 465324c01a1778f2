"""A report in which one text stands wherever a model, a suite, a provider, a person or a file name may put it."""

from __future__ import annotations

import random
from dataclasses import replace
from typing import TYPE_CHECKING

from sample_report import build_report, make_case, make_result, summarise, variant

from evalkit.compare.values import Flip, Side
from evalkit.errors import Where
from evalkit.model.calls import CallFailure

if TYPE_CHECKING:
    from evalkit.model.results import Result
    from evalkit.report.values import RunReport


def spoiled_result(text: str, *, failed: bool = False) -> Result:
    """A trial of which everything that is text is ``text``."""
    rng = random.Random(3)
    case = make_case(1, rng, name=text, tags=frozenset({text}))
    case = replace(case, where=Where(text, 3), vars={**case.vars, "v": text}, cluster=text)
    side = replace(
        variant("candidate", 2), name=text, label=text, model=text, prompt=text, cell=text, params={text: text}
    )
    result = make_result(
        case,
        side,
        0,
        rng,
        good=False,
        text=text,
        failure=CallFailure("bad_response", text, 1, text) if failed else None,
    )
    trial = replace(result.trial, suite=text, suite_path=text, case=case, variant=side)
    verdicts = tuple(
        replace(one, check=text, reason=text, detail=text, status="fail", severity="fail") for one in result.verdicts
    )
    return replace(result, trial=trial, verdicts=verdicts)


def spoiled_report(text: str) -> RunReport:
    """A run of two such trials, with its gates, comparison, notes, prompts and facts about itself."""
    report = build_report(cases=3, repeats=1, hostile=False, topics=0)
    results = (spoiled_result(text), spoiled_result(text, failed=True))
    flips = tuple(Flip(text, kind, (1, 1), (0, 1), (text,)) for kind in ("broken", "fixed"))
    comparison = replace(
        report.comparisons[0],
        suite=text,
        a=Side(text, text),
        b=Side(text, text),
        flips=flips,
        sentence=text,
        only_a=(text,),
        changed=(text,),
    )
    return replace(
        report,
        run=replace(
            report.run, git_branch=text, git_revision=text, command=text, evalkit_version=text, python_version=text
        ),
        results=results,
        prompts=tuple(
            replace(one, ref=text, path=text, description=text, sources={text: text}) for one in report.prompts
        ),
        gates=tuple(
            replace(one, gate=text, suite=text, suite_path=text, variant=text, reason=text) for one in report.gates
        ),
        comparisons=(comparison,),
        variants=summarise(list(results)),
        verdict=text,
        notes=(text,),
    )
