"""A judge beside people: repeats, and variants of a case, are no evidence of their own."""

from __future__ import annotations

import math
import re

import pytest

from evalkit.compare.stats import cohen_kappa, ppi_mean
from evalkit.harness.labels.calibrating import calibrations_of
from evalkit.harness.labels.preferring import preferences_of
from evalkit.store.labels.counted import JudgedAnswers, JudgedCases
from evalkit.store.labels.items import PreferenceCount

TABLE = {
    ("pass", "pass"): 21,
    ("pass", "fail"): 3,
    ("fail", "pass"): 2,
    ("fail", "fail"): 14,
    ("none", "pass"): 30,
    ("none", "fail"): 20,
}
"""Cases by what people say and the verdict."""


def calibrated(*, answers: int = 1, labels=("new",), table=TABLE):
    """The calibration of cases whose answers, so many of each label, all fared alike."""
    rows = [
        JudgedCases("s", "rubric", tuple(JudgedAnswers(label, verdict, person, answers) for label in labels), cases)
        for (person, verdict), cases in table.items()
    ]
    (found,) = calibrations_of(rows)
    return found


def widths(found) -> dict[str, float]:
    """How wide each interval is."""
    (variant, *_) = found.variants
    intervals = {
        "kappa": found.kappa_interval,
        "sensitivity": found.sensitivity.interval,
        "specificity": found.specificity.interval,
        "corrected": variant.corrected.interval,
        "rectified": variant.rectified.interval,
    }
    return {name: one.upper - one.lower for name, one in intervals.items()}


@pytest.mark.parametrize("how", [{"answers": 4}, {"labels": ("new", "old")}, {"answers": 2, "labels": ("new", "old")}])
def test_answers_that_say_the_same_again_make_nothing_surer(how):
    """Four equal repeats, or two variants that fare alike: the counts grow, the rates and how sure they are do not."""
    once, again = calibrated(), calibrated(**how)
    assert again.labelled == once.labelled * how.get("answers", 1) * len(how.get("labels", "x"))
    assert (again.kappa, again.agreement, again.youden_j) == pytest.approx((once.kappa, once.agreement, once.youden_j))
    before, after = widths(once), widths(again)
    # A variance of 40 cases that is estimated, by t instead of z, is a little larger; half of the specificity's rests on 16 cases.
    assert all(before[name] * 0.999 <= after[name] <= before[name] * 1.25 for name in before), (before, after)


def test_repeats_that_differ_are_worth_more_than_one_and_less_than_all():
    """Between one answer per case and as many independent ones: the error of kappa from whole cases."""
    cases = [*[(3, 0, 0, 0)] * 2, (1, 2, 0, 0), (2, 1, 0, 0), (0, 0, 2, 1), *[(0, 0, 0, 3)] * 3]
    cells = [sum(column) for column in zip(*cases, strict=True)]
    independent, clustered = cohen_kappa(*cells), cohen_kappa(*cells, cases=cases)
    assert clustered.kappa == independent.kappa
    assert independent.se < clustered.se < independent.se * math.sqrt(3)


def test_single_answers_given_as_cases_have_the_known_error():
    """With one answer each, whole cases give Fleiss, Cohen and Everitt's error but for C/(C − 1)."""
    cells = (21, 3, 2, 14)
    units = [tuple(int(place == cell) for place in range(4)) for cell, count in enumerate(cells) for _ in range(count)]
    assert cohen_kappa(*cells, cases=units).se == pytest.approx(cohen_kappa(*cells).se * math.sqrt(40 / 39), rel=1e-12)


def test_one_case_says_nothing_about_how_cases_vary():
    """However many answers it has: no interval of kappa, no rate from its own labels, and shares as of a single case."""
    answers = (("pass", "pass", 5), ("pass", "fail", 2), ("fail", "fail", 4), ("none", "pass", 3))
    row = JudgedCases(
        "s", "rubric", tuple(JudgedAnswers("new", verdict, person, n) for person, verdict, n in answers), 1
    )
    (found,) = calibrations_of([row])
    assert found.kappa is not None
    assert found.kappa_interval is None
    assert found.variants[0].rectified is None
    assert found.sensitivity.interval.upper - found.sensitivity.interval.lower > 0.75
    with pytest.raises(ValueError, match="two cases"):
        ppi_mean([1.0, 0.0], [1.0, 1.0], [1.0, 0.0], cases=([0, 0], [1, 2]))


def test_kappa_reads_as_a_number_with_its_interval():
    """No minus before nothing, a true minus before something, and words where there is none."""
    by_chance = calibrated(table={("pass", "pass"): 48, ("pass", "fail"): 5, ("fail", "pass"): 10, ("fail", "fail"): 1})
    assert by_chance.kappa_words == "0.00 (95% interval −0.23 to 0.22)"
    assert by_chance.kappa < 0
    alike = calibrated(table={("pass", "pass"): 5})
    assert alike.kappa_words == "unknown: everybody always says the same"


def test_several_people_about_one_case_make_a_preference_no_surer():
    """Ties are left out of the share; twelve cases asked of three people each who agree are twelve; a pair without a winner has no share."""
    (once,) = preferences_of([
        PreferenceCount("a", "b", 0, 1, 0, 10),
        PreferenceCount("a", "b", 1, 0, 0, 2),
        PreferenceCount("a", "b", 0, 0, 1, 5),
    ])
    assert (once.a_wins, once.b_wins, once.ties) == (2, 10, 5)
    assert str(once.share) == "83.3% (10 of 12, 95% interval 55.2% to 95.3%)"
    assert once.is_clear
    (thrice,) = preferences_of([PreferenceCount("a", "b", 0, 3, 0, 10), PreferenceCount("a", "b", 3, 0, 0, 2)])
    assert (thrice.share.count, thrice.share.of) == (30, 36)
    assert 0.4 < thrice.share.interval.lower < once.share.interval.lower
    (none,) = preferences_of([PreferenceCount("a", "b", 0, 0, 2, 4)])
    assert none.share is None
    assert not none.is_clear


def test_labels_of_several_repeats_are_labels_of_one_case(project):
    """The whole way: three equal answers per case, all labelled by one row, tell no more than one."""
    from fakes.eval_project import cases

    names = [f"N{number}" for number in range(16)]
    project.configure(answers={f"I am {name}.": ("Good" if number % 2 else "Bad") for number, name in enumerate(names)})
    rows = [f"n{number},contains,{'pass' if number % 2 or number == 4 else 'fail'}" for number in range(16)]
    project.write("labels.csv", "\n".join(["case,check,label", *rows]) + "\n")
    found = []
    for repeats in (1, 3):
        project.suite(
            f"suite: hello\nprompt: hello:v1\nrepeats: {repeats}\n{cases(*names)}\nchecks: [contains: Good]\n"
        )
        project.evalkit("run")
        found.append(project.evalkit("calibrate", "labels.csv").out)
    once, thrice = found
    assert "16 labelled answers" in once
    assert "48 labelled answers" in thrice
    assert "sensitivity 88.9% (8 of 9, 95% interval 56.5% to 98.0%)" in once
    (limits,) = re.findall(r"sensitivity 88\.9% \(24 of 27, 95% interval ([\d.]+)% to ([\d.]+)%\)", thrice)
    assert float(limits[0]) == pytest.approx(56.5, abs=10), limits
    assert float(limits[0]) < 56.6, limits
