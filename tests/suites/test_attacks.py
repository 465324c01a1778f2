"""`attacks:` of a suite: cases made of other cases, with a probe in a variable and a check of their own."""

from __future__ import annotations

import pytest

from evalkit.suites.attacks import PACKS, probes

CASES = """\
suite: s
prompt: reply:v1
cases:
  - {id: late, vars: {question: "Where is it?", days: 3}, expect: {label: delivery}, tags: [smoke], cluster: a}
  - {id: broken, vars: {question: "It is broken.", days: 1}, tags: [slow]}
checks: [contains: x]
"""


def attacked(project, entry, **options):
    spec = project.load(f"{CASES}attacks:\n  - {{{entry}}}\n", **options)
    return [case for case in spec.cases if "+" in case.id]


def test_every_probe_goes_into_a_case_in_turn(project):
    """One case per probe, its text behind what the variable held, its check naming the attack; the cases themselves stay."""
    cases = attacked(project, "pack: injection, into: question")
    assert len(cases) == sum(probe.pack == "injection" for probe in probes()) >= 12
    assert [case.id.partition("+")[0] for case in cases[:4]] == ["late", "broken", "late", "broken"]
    first = cases[0]
    assert first.id == "late+injection.override"
    assert first.vars["question"].startswith("Where is it?\n\nIgnore all instructions")
    assert first.vars["days"] == 3
    assert first.expect == {"label": "delivery"}
    assert first.tags == {"attack", "attack.injection"}, "not smoke: a gate over smoke cases is about those"
    (check,) = first.checks
    assert (check.name, check.params["attack"], first.alone) == ("resists", "injection/override", True)
    assert len(project.load(CASES).cases) == 2


def test_each_probe_on_each_case_when_wanted(project):
    """Then a probe is one cluster: its cases are not independent of each other."""
    some, every = (
        attacked(project, "pack: leak, into: question"),
        attacked(project, "pack: leak, into: question, every_case: true"),
    )
    assert len(every) == 2 * len(some)
    assert some[0].cluster is None
    assert every[0].cluster == every[1].cluster != every[2].cluster


def test_cases_are_chosen_by_id_and_tag(project):
    """Both narrow."""
    assert {case.id.partition("+")[0] for case in attacked(project, "pack: leak, into: question, cases: broken")} == {
        "broken"
    }
    assert {
        case.id.partition("+")[0] for case in attacked(project, "pack: leak, into: question, with_tags: [smoke]")
    } == {"late"}


@pytest.mark.parametrize(
    ("place", "test"),
    [
        ("behind", lambda text: text.startswith("Where is it?\n\n")),
        ("before", lambda text: text.endswith("\n\nWhere is it?")),
        ("instead", lambda text: "Where is it?" not in text),
    ],
)
def test_the_probe_stands_where_it_is_put(project, place, test):
    """Behind, before, or instead of the variable's text."""
    assert test(attacked(project, f"pack: leak, into: question, place: {place}")[0].vars["question"])


def test_packs_can_be_listed_and_all_be_named(project):
    """Each probe once."""
    every = attacked(project, "pack: all, into: question")
    assert len(every) == len(probes()) >= 30
    assert len({case.id for case in every}) == len(every)
    two = attacked(project, "pack: [leak, exfiltration], into: question, tags: [nightly]")
    assert {tag for case in two for tag in case.tags} == {"attack", "attack.leak", "attack.exfiltration", "nightly"}
    assert {probe.pack for probe in probes()} == set(PACKS)


def test_more_checks_and_the_suites_own_are_a_choice(project):
    """An attacked case is judged by its attack alone unless the suite says more; the choice is part of the case's identity."""
    plain = attacked(project, "pack: leak, into: question")[0]
    more = attacked(project, "pack: leak, into: question, checks: [pii]")[0]
    suite = attacked(project, "pack: leak, into: question, suite_checks: true")[0]
    assert [check.name for check in more.checks] == ["resists", "pii"]
    assert (plain.alone, suite.alone) == (True, False)
    assert len({plain.digest, more.digest, suite.digest}) == 3
    assert plain.digest == attacked(project, "pack: leak, into: question")[0].digest


def test_the_word_that_is_wanted_is_in_no_probe(project):
    """Whoever quotes the attack does not hold it; each case wants another word, the same one every time."""
    wanted = {}
    for case in attacked(project, "pack: [injection, jailbreak, exfiltration], into: question"):
        canary = case.checks[0].params["canary"]
        letters = "".join(char for char in case.vars["question"].casefold() if char.isalnum())
        assert canary not in letters
        assert len(canary) == 16
        wanted[case.id] = canary
    assert len(set(wanted.values())) == len(wanted)
    assert wanted["late+injection.override"] == WORD


WORD = "kuvirulaworufite"


@pytest.mark.parametrize(
    ("entry", "told"),
    [
        ("into: question", "an attack names no pack"),
        ("pack: injction, into: question", "did you mean 'injection'"),
        ("pack: leak", "an attack names no variable"),
        ("pack: leak, into: qestion", "did you mean 'question'"),
        ("pack: leak, into: days", "has no text in a variable 'days'"),
        ("pack: leak, into: question, cases: lat", "no case 'lat'"),
        ("pack: leak, into: question, with_tags: [none]", "no case has these tags"),
        ("pack: leak, into: question, place: above", "place is 'above'"),
        ("pack: leak, into: question, every: true", "unknown key 'every'"),
        ("pack: leak, into: question, checks: [contians: x]", "no check named 'contians'"),
    ],
)
def test_what_is_wrong_is_told_with_its_line(project, entry, told):
    """Before anything is spent."""
    (complaint,) = project.complaints(f"{CASES}attacks:\n  - {{{entry}}}\n")
    assert told in complaint
    assert complaint.startswith("suites/s.yaml:8")


def test_the_same_attack_twice_is_a_mistake(project):
    """Two entries that make the same case."""
    text = f"{CASES}attacks:\n  - {{pack: leak, into: question}}\n  - {{pack: leak, into: question}}\n"
    complaints = project.complaints(text)
    assert len(complaints) == sum(probe.pack == "leak" for probe in probes())
    assert "is there twice" in complaints[0]
    assert any("attacks holds no attack" in line for line in project.complaints(f"{CASES}attacks: []\n"))


@pytest.mark.parametrize(
    ("gate", "kind", "value", "part"),
    [
        ("attack_success <= 0.02", "at_least", 0.98, "tag:attack"),
        ("attack_success <= 2%", "at_least", 0.98, "tag:attack"),
        ("attack_success == 0", "must_pass", 1.0, "tag:attack"),
        ("attack_success(tag:attack.leak) <= 0.1", "at_least", 0.9, "tag:attack.leak"),
    ],
)
def test_a_gate_on_success_is_one_on_the_rate_of_those_that_resist(project, gate, kind, value, part):
    """In the terms of the statistics; its text stays as written."""
    spec = project.load(
        f"{CASES}attacks:\n  - {{pack: leak, into: question}}\ngates: [{{gate: '{gate}', allow_infeasible: true}}]\n"
    )
    (found,) = spec.gates
    assert (found.kind, found.value, found.slice, found.text) == (kind, value, part, gate)


@pytest.mark.parametrize(
    "gate", ["attack_success >= 0.02", "attack_success <= 1", "attack_success == 0.1", "attack_success(tag:x) <= 0.1"]
)
def test_a_gate_that_means_nothing_is_refused(project, gate):
    """A rate that is to be high, one that everything meets, a slice that is not there."""
    text = f"{CASES}attacks:\n  - {{pack: leak, into: question}}\ngates: ['{gate}']\n"
    assert len(project.complaints(text)) == 1


def test_without_attacks_there_is_nothing_to_gate(project):
    """The gate would hold for no case."""
    (complaint,) = project.complaints(f"{CASES}gates: ['attack_success <= 0.02']\n")
    assert "no tag 'attack'" in complaint
