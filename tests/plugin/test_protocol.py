"""The road of its own that a case takes through pytest: nobody may be able to tell it from pytest's own."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING
from xml.etree import ElementTree as ET

import pytest
from fakes.eval_project import cases

if TYPE_CHECKING:
    from fakes.eval_project import PytestProject

NAMES = ["Ana", "Bob", "Cy", "Dan", "Eve", "Fay", "Gus", "Hal"]
SUITE = f"suite: hello\nprompt: hello:v1\n{cases(*NAMES, tags=', tags: [smoke]')}\nchecks: [contains: Hello]\n"
ANSWERS = {"Bob": "Go away", "Eve": "No", "default": "Hello"}
WATCHED = """
import pytest

@pytest.hookimpl(wrapper=True)
def pytest_runtest_setup(item):
    return (yield)
"""
COUNTER = """
import pytest

class Counter:
    def pytest_runtest_setup(self, item):
        with open("setups.txt", "a") as file:
            file.write(item.name + "\\n")

# The case's own road would make way for a plugin that listens, unless it comes from one that is known to be indifferent.
Counter.pytest_runtest_setup.__module__ = "xdist.stand_in"

def pytest_configure(config):
    config.pluginmanager.register(Counter())
"""


def shown(result: pytest.RunResult) -> list[str]:
    """What was printed, without times, run ids, and how far ahead the engine was when -x stopped it."""
    text = re.sub(r"in [0-9.]+s|\d{8}T\d{6}-[0-9a-f]+|p95 [^\s]+ m?s|\d+\.\d\ds ", "…", result.stdout.str())
    return [line for line in text.splitlines() if not line.startswith(("plugins:", "report:", "calls:"))]


def junit(project: PytestProject) -> list[tuple[object, ...]]:
    """The test cases of a JUnit file: name, class, what went wrong, properties."""
    found = []
    for case in ET.parse(project.root / "junit.xml").iter("testcase"):
        trouble = [(child.tag, child.get("message"), child.text) for child in case if child.tag != "properties"]
        properties = [
            (p.get("name"), p.get("value"))
            for p in case.iter("property")
            if p.get("name") not in {"latency_s", "source"}
        ]
        found.append((case.get("name"), case.get("classname"), trouble, properties))
    return found


def setups(project: PytestProject) -> list[str]:
    """The items that pytest's own protocol set up."""
    return (project.root / "setups.txt").read_text().split("\n")[:-1]


@pytest.mark.parametrize("gates", ["", "gates: [pass_rate >= 0.5]\n"], ids=["plain", "gated"])
@pytest.mark.parametrize("words", [("-v", "-rA"), ("-q", "-x"), ("--durations=0", "-vv", "-m", "smoke")], ids=str)
def test_both_roads_show_the_same(project: PytestProject, gates: str, words: tuple[str, ...]) -> None:
    """Terminal and JUnit are the same with a conftest that listens to pytest's setup (pytest's road) and without (the case's own)."""
    project.configure(answers=ANSWERS)
    project.suite(SUITE + gates)
    own = project.run_here("suites", "--junitxml", "junit.xml", *words)
    own_junit = junit(project)
    project.write("conftest.py", WATCHED)
    pytests = project.run_here("suites", "--junitxml", "junit.xml", *words)
    assert own.ret == pytests.ret
    assert shown(own) == shown(pytests)
    assert own_junit == junit(project)
    assert len(own_junit) >= 2


def test_only_the_ends_of_a_file_take_pytests_road(project: PytestProject) -> None:
    """The first and the last case set up and tear down the collectors; those between do not go through pytest's setup."""
    project.configure(answers=ANSWERS)
    project.suite(SUITE)
    project.write("conftest.py", COUNTER)
    project.run_here("suites").assert_outcomes(passed=6, failed=2)
    assert [name.partition("[")[0] for name in setups(project)] == ["ana", "hal"]


def test_suites_between_python_tests_leave_fixtures_in_order(project: PytestProject) -> None:
    """Module and session fixtures of Python tests before and after a suite are set up and torn down as ever."""
    project.configure(answers={"default": "Hello"})
    project.suite(SUITE)
    module = (
        "import pytest\n\n@pytest.fixture(scope='module', autouse=True)\ndef around():\n    print('enter', __name__)\n    yield\n"
        "    print('leave', __name__)\n\ndef test_one(): pass\n\ndef test_two(): pass\n"
    )
    project.write("test_before.py", module)
    project.write("test_later.py", module)
    result = project.run_here("-s", "test_before.py", "suites", "test_later.py")
    result.assert_outcomes(passed=12)
    around = re.findall(r"(?:enter|leave) test_(?:before|later)", result.stdout.str())
    assert around == ["enter test_before", "leave test_before", "enter test_later", "leave test_later"]


@pytest.mark.parametrize(
    ("what", "conftest"),
    [
        (
            "a check in Python",
            "import evalkit\n\n@evalkit.check('own')\ndef own(answer: str) -> bool:\n    '''Own.'''\n    print('seen', answer)\n    return 'Hello' in answer\n",
        ),
        (
            "a mark",
            "import pytest\n\ndef pytest_collection_modifyitems(items):\n    for item in items:\n        item.add_marker(pytest.mark.skipif(False, reason='never'))\n",
        ),
    ],
)
def test_user_code_and_marks_take_pytests_road(project: PytestProject, what: str, conftest: str) -> None:
    """Where the user's own Python runs, or a mark of pytest's must be looked at, pytest does what it always does."""
    project.configure(answers=ANSWERS)
    project.suite(SUITE.replace("contains: Hello", "own") if "check" in what else SUITE)
    project.write("conftest.py", COUNTER + conftest)
    result = project.run_here("suites", "-rP")
    result.assert_outcomes(passed=6, failed=2)
    assert len(setups(project)) == 8
    if "check" in what:
        assert "Captured stdout call" in result.stdout.str()


def test_a_debugger_takes_pytests_road(project: PytestProject) -> None:
    """``--setup-show`` names every item."""
    project.suite(SUITE)
    result = project.run_here("suites", "--setup-show")
    assert sum("suites/hello.yaml::" in line for line in result.stdout.lines) >= 8


def test_reports_that_say_nothing_are_not_kept(project: PytestProject) -> None:
    """pytest's summary searches every kept setup and teardown report once per failure shown: with -rA that is quadratic."""
    project.configure(answers=ANSWERS)
    project.suite(SUITE)
    project.write(
        "conftest.py",
        "def pytest_terminal_summary(terminalreporter):\n"
        "    terminalreporter.write_line(f\"kept {len(terminalreporter.stats.get('', []))}\")\n",
    )
    project.run_here("suites", "-rA").stdout.fnmatch_lines(["kept 0"])


def test_garbage_is_looked_for_as_before_once_the_session_is_over(project: PytestProject) -> None:
    """A session with suites changes how often Python looks for garbage; a program that calls pytest gets its own settings back.

    What such a session leaves behind does not pile up with every further one, and what the program froze itself stays frozen.
    """
    project.suite(SUITE)
    program = (
        "import gc, pytest\nbefore = gc.get_threshold()\n"
        "code = pytest.main(['-q', 'suites'])\n"
        "assert gc.get_threshold() == before\none = gc.get_freeze_count()\n"
        "for _ in range(3): pytest.main(['-q', 'suites'])\n"
        "assert gc.get_freeze_count() <= one, (one, gc.get_freeze_count())\n"
        "gc.unfreeze(); gc.freeze(); own = gc.get_freeze_count()\n"
        "pytest.main(['-q', 'suites'])\n"
        "assert own * 0.99 < gc.get_freeze_count() <= own, (own, gc.get_freeze_count())\ngc.unfreeze()\nprint('restored')\n"
    )
    result = project.pytester.run(__import__("sys").executable, "-c", program)
    result.stdout.fnmatch_lines(["restored"])
    assert result.stderr.str() == ""


def test_evalkit_is_imported_as_python_imports_and_tests_are_rewritten(project: PytestProject) -> None:
    """pytest compiles no module of evalkit anew, which cost a tenth of a short session; the user's own assertions are explained as ever."""
    project.suite(SUITE)
    project.write(
        "test_loaders.py",
        "import sys\n\n"
        "def test_loaders():\n"
        "    loaded = [name for name in sys.modules if name.startswith('evalkit.')]\n"
        "    kinds = {name: type(sys.modules[name].__loader__).__name__ for name in loaded}\n"
        "    rewritten = {name for name, kind in kinds.items() if kind == 'AssertionRewritingHook'}\n"
        "    own = {'evalkit.compare', 'evalkit.pytest_plugin', *(f'evalkit.pytest_plugin.{part}' for part in ('plugin', 'garbage', 'options'))}\n"
        "    assert rewritten <= own, rewritten - own\n"
        "    assert len(loaded) > 50\n\n"
        "def test_explained():\n    one = 1\n    assert one == 2\n",
    )
    result = project.run("suites", "test_loaders.py")
    result.stdout.fnmatch_lines(["*assert 1 == 2*"])
    assert "test_loaders.py::test_loaders" not in result.stdout.str()
    result.assert_outcomes(passed=9, failed=1)
