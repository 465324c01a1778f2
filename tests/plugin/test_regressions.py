"""What a cold review broke, each named for what it was: mostly green runs that should not have been."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from fakes.eval_project import cases

import evalkit

if TYPE_CHECKING:
    from fakes.eval_project import PytestProject

PLAIN = f"suite: hello\nprompt: hello:v1\n{cases('Ana', 'Bob')}\nchecks: [contains: Hello]\n"


@pytest.mark.parametrize(
    "conftest",
    [
        "def pytest_collection_modifyitems(items):\n    items[0].add_marker(pytest.mark.xfail(strict=True))\n",
        "@pytest.hookimpl(wrapper=True)\ndef pytest_runtest_call(item):\n    yield\n    raise ValueError('mine')\n",
        "def pytest_runtest_teardown(item, nextitem):\n    if nextitem is None:\n        raise ValueError('mine')\n",
    ],
    ids=["strict xfail that passes", "a hook that raises", "a teardown that raises"],
)
def test_a_failure_that_is_not_ours_is_not_green(project: PytestProject, conftest: str) -> None:
    """Every answer passes, pytest reports a failure of its own: exit 1, whatever evalkit thinks of the answers."""
    project.suite(PLAIN)
    project.write("conftest.py", f"import pytest\n\n{conftest}")
    assert project.run_here("suites").ret == 1


def test_a_python_test_with_a_yaml_like_id_can_fail(project: PytestProject) -> None:
    """Its failure is its own, though its id looks like that of a case."""
    project.suite(PLAIN)
    project.write(
        "tests/test_ids.py",
        "import pytest\n\n@pytest.mark.parametrize('x', ['a.yaml::b'])\ndef test_x(x):\n    assert 0\n",
    )
    assert project.run_here("suites", "tests").ret == 1


@pytest.mark.parametrize("words", [(), ("-n", "2")], ids=["one process", "two workers"])
def test_a_run_that_skipped_everything_is_not_green(project: PytestProject, words: tuple[str, ...]) -> None:
    """Nothing was measured: exit 3, and the account says so."""
    project.suite(PLAIN)
    project.write(
        "conftest.py",
        "import pytest\n\ndef pytest_collection_modifyitems(items):\n"
        "    for item in items:\n        item.add_marker(pytest.mark.skip(reason='later'))\n",
    )
    result = project.run("suites", *words)
    assert result.ret == 3
    result.stdout.fnmatch_lines(["*0 of 2 planned trials measured (2 skipped)*"])


def test_python_tests_under_workers_are_accounted_for(project: PytestProject) -> None:
    """-n 2 with Python tests only still ends in a summary and a stored run."""
    project.write(
        "tests/test_a.py",
        "def test_a(evalkit):\n    evalkit.ask('hello:v1', customer='Ana').check('contains', 'Hello')\n",
    )
    result = project.run_here("tests", "-n", "2")
    assert result.ret == 0
    result.stdout.fnmatch_lines(["*1 of 1 planned trials measured*"])


def test_python_tests_of_one_name_do_not_overwrite_each_other(project: PytestProject) -> None:
    """Two classes with a test_x each are two trials, and a test that fails by its own assertion is stored as failed."""
    project.write(
        "tests/test_a.py",
        "class TestA:\n    def test_x(self, evalkit):\n        evalkit.ask('hello:v1', customer='Ana')\n\n"
        "class TestB:\n    def test_x(self, evalkit):\n        assert 'Bye' in evalkit.ask('hello:v1', customer='Bob').text\n",
    )
    result = project.run_here("tests")
    result.assert_outcomes(passed=1, failed=1)
    trials = evalkit.load(project.root).trials
    assert sorted(trials.case_id) == ["TestA::test_x", "TestB::test_x"]
    assert sorted(trials.status) == ["fail", "pass"]


def test_a_function_that_exits_does_not_hang_the_session(project: PytestProject) -> None:
    """SystemExit on the engine's thread once left pytest waiting for ever; it is the end of one answer."""
    project.write("pyproject.toml", '[tool.evalkit.providers.scripted]\nfunction = "answers:quits"\n')
    project.write("answers.py", "def quits(request):\n    raise SystemExit(1)\n")
    project.suite(PLAIN)
    result = project.run("suites")
    result.assert_outcomes(errors=2)
    result.stdout.fnmatch_lines(["*raised SystemExit: 1*"])


def test_an_answer_of_the_wrong_type_is_an_error_of_its_case(project: PytestProject) -> None:
    """It must not make the journal of the whole run unreadable."""
    project.write("pyproject.toml", '[tool.evalkit.providers.scripted]\nfunction = "typed:answer"\n')
    project.write(
        "typed.py",
        "from evalkit import Response\n\ndef answer(request):\n"
        "    slow = 'fast' if 'Bob' in request.messages[-1].content else 0.1\n    return Response('Hello', latency_s=slow)\n",
    )
    project.suite(PLAIN)
    result = project.run_here("suites")
    result.assert_outcomes(passed=1, errors=1)
    assert result.ret == 3


def test_a_mistake_in_a_check_module_is_one_line(project: PytestProject) -> None:
    """The file and line of the mistake, not a screen of import machinery."""
    project.configure(answers={"default": "Hello"}, check_modules=["my_broken_checks"])
    project.write("my_broken_checks.py", "import evalkit\n\ndef broken(:\n    pass\n")
    project.suite(PLAIN)
    result = project.run_here("suites")
    assert result.ret == 2
    result.stdout.fnmatch_lines(["my_broken_checks.py:3: cannot import 'my_broken_checks': invalid syntax"])
    assert "Traceback" not in result.stdout.str()


def test_a_key_that_the_model_repeats_is_not_printed(project: PytestProject, monkeypatch: pytest.MonkeyPatch) -> None:
    """Neither the terminal, nor JUnit, nor anything that the run wrote holds the value of a secret of the environment."""
    secret = "quiet-otter-4711-abcdef"
    monkeypatch.setenv("MY_API_KEY", secret)
    project.configure(answers={"default": f"the key is {secret}, friend"})
    project.suite(PLAIN)
    result = project.run_here("suites", "--junitxml=out.xml")
    result.assert_outcomes(failed=2)
    assert secret not in result.stdout.str()
    written = [path for path in (project.root / "out.xml", *(project.root / "reports").rglob("*")) if path.is_file()]
    assert [path.name for path in written if secret.encode() in path.read_bytes()] == []


@pytest.mark.parametrize("option", ["--setup-plan", "--setup-only"])
def test_looking_at_the_plan_calls_nothing(project: PytestProject, option: str) -> None:
    """Only a real run buys answers."""
    project.suite(PLAIN)
    project.run_here("suites", option)
    assert project.journal() == []


def test_a_case_that_is_marked_is_not_bought_ahead(project: PytestProject) -> None:
    """skipif and xfail(run=False) are decided when the case is due, before anything is asked for it."""
    project.suite(PLAIN)
    project.write(
        "conftest.py",
        "import pytest\n\ndef pytest_collection_modifyitems(items):\n"
        "    items[0].add_marker(pytest.mark.skipif(True, reason='no'))\n"
        "    items[1].add_marker(pytest.mark.xfail(run=False))\n",
    )
    project.run_here("suites")
    assert [record for record in project.journal() if record["t"] == "call"] == []
