"""The house rules that a reader relies on, checked on the code itself."""

from __future__ import annotations

import ast
import importlib
import inspect
import statistics
import subprocess
import sys
from pathlib import Path

import pytest

import evalkit
from evalkit import errors

SOURCE = Path(evalkit.__file__).parent
ROOT = Path(__file__).parents[1]
MODULES = sorted(path for path in SOURCE.rglob("*.py") if "starter" not in path.parts)
HEAVY = ("openai", "anthropic", "pandas", "duckdb", "jinja2", "pydantic", "yaml", "numpy", "click", "genai_prices")


def functions(path: Path) -> list[ast.FunctionDef | ast.AsyncFunctionDef]:
    tree = ast.parse(path.read_text(encoding="utf-8"))
    return [node for node in ast.walk(tree) if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef))]


def length(node: ast.AST) -> int:
    return node.end_lineno - node.lineno + 1  # type: ignore[attr-defined]


def test_the_layers_hold() -> None:
    """Every import points downwards, and each heavy package has one home (the contracts are in pyproject.toml)."""
    done = subprocess.run(
        [sys.executable, "-c", "from importlinter.cli import lint_imports_command as lint; lint()", "--no-cache"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr


def test_no_module_imports_itself_by_a_detour() -> None:
    """Zero cycles, imports inside functions included; what is imported for types only does not count."""
    graph = {name: imported_by(path) for path, name in ((path, module_name(path)) for path in MODULES)}
    done: set[str] = set()

    def visit(name: str, trail: tuple[str, ...]) -> None:
        assert name not in trail, " → ".join((*trail[trail.index(name) :], name))
        if name not in done:
            for other in sorted(graph[name] & graph.keys()):
                visit(other, (*trail, name))
            done.add(name)

    for name in sorted(graph):
        visit(name, ())


def module_name(path: Path) -> str:
    parts = path.relative_to(SOURCE.parent).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def imported_by(path: Path) -> set[str]:
    """The modules that a module imports when it runs, by their full names."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    for node in ast.walk(tree):
        if isinstance(node, ast.If) and getattr(node.test, "id", "") == "TYPE_CHECKING":
            node.body = []
    return {node.module for node in ast.walk(tree) if isinstance(node, ast.ImportFrom) and node.module}


@pytest.mark.parametrize("path", MODULES, ids=lambda path: path.relative_to(SOURCE).as_posix())
def test_a_module_can_be_read_in_one_sitting(path: Path) -> None:
    """At most 400 lines, at most 60 in a function, and a first line that says what lives here."""
    text = path.read_text(encoding="utf-8")
    assert len(text.splitlines()) <= 400
    too_long = [f"{node.name} ({length(node)})" for node in functions(path) if length(node) > 60]
    assert not too_long
    if path.name == "__init__.py" and path.parent != SOURCE:
        assert text == "", "a sub-package re-exports nothing"
    else:
        assert ast.get_docstring(ast.parse(text)), "say in one sentence what lives here"


def test_functions_are_short() -> None:
    """Half of them fit in nine lines."""
    assert statistics.median(length(node) for path in MODULES for node in functions(path)) <= 9


def test_public_names_are_complete_and_load() -> None:
    """``__all__`` is sorted, every name in it exists, and each has a docstring."""
    assert evalkit.__all__ == sorted(evalkit.__all__)
    for name in evalkit.__all__:
        assert inspect.getdoc(getattr(evalkit, name)), name


def test_the_package_compare_is_also_the_function() -> None:
    """``evalkit.compare(…)`` and ``evalkit.compare.stats`` both work, in either order."""
    stats = importlib.import_module("evalkit.compare.stats")
    assert evalkit.compare.stats is stats  # type: ignore[attr-defined]
    assert callable(evalkit.compare)
    with pytest.raises(AttributeError, match="nonsense"):
        _ = evalkit.nonsense


def test_importing_evalkit_loads_nothing_heavy() -> None:
    """``import evalkit`` and the plugin are paid for by every pytest session on the machine."""
    code = f"import sys, evalkit, evalkit.pytest_plugin.plugin; print([n for n in {HEAVY!r} if n in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_every_error_is_in_the_picture() -> None:
    """The tree drawn at the top of errors.py names every class, and every class has the one root."""
    classes = [value for value in vars(errors).values() if inspect.isclass(value) and issubclass(value, Exception)]
    for found in classes:
        assert issubclass(found, errors.EvalkitError)
        assert found.__name__ in (errors.__doc__ or "")


def test_blind_excepts_stand_in_few_known_places() -> None:
    """A check that raises becomes a verdict; nearly everywhere else an unexpected exception must surface."""
    blind = {
        path.relative_to(SOURCE).as_posix()
        for path in MODULES
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.ExceptHandler) and _is_blind(node)
    }
    assert blind <= {
        "engine/trial.py",  # the check runner
        "checks/timelimit.py",  # the same for checks by somebody else, which may raise SystemExit
        "cli/main.py",  # the top: a bug becomes one message and exit code 3, and --debug shows its traceback
        "providers/scripted.py",  # the project's own function plays the provider
        "store/journal/commit.py",  # a writer thread that died silently would hang every caller
    }


def _is_blind(handler: ast.ExceptHandler) -> bool:
    """Catches everything and does not pass it on."""
    passes_on = isinstance(handler.body[-1], ast.Raise) and handler.body[-1].exc is None
    return (handler.type is None or getattr(handler.type, "id", "") in {"Exception", "BaseException"}) and not passes_on


@pytest.mark.parametrize(
    "word", ["pickle", "eval(", "exec(", "yaml.load(", "shell=True", "verify=False", "nest_asyncio"]
)
def test_nothing_dangerous_is_used(word: str) -> None:
    """No code execution from data, no shell, no switched-off certificates."""
    users = []
    for path in MODULES:
        code = "\n".join(
            line.partition("#")[0] for line in path.read_text(encoding="utf-8").splitlines() if '"""' not in line
        )
        if word in code.replace("literal_eval(", "").replace("_exec(", "").replace("re.eval(", ""):
            users.append(path.relative_to(SOURCE).as_posix())
    assert users == []


RUNS_DATA = {"eval", "exec", "compile", "__import__"}
UNPICKLES = {"pickle", "cPickle", "dill", "cloudpickle", "marshal", "shelve", "joblib"}
ANY_TAG = {"load", "load_all", "full_load", "unsafe_load", "Loader", "UnsafeLoader", "FullLoader"}


def runs_data(node: ast.AST) -> str | None:
    """What about ``node`` could turn data into code, or None."""
    if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in RUNS_DATA:
        return node.func.id
    if isinstance(node, (ast.Import, ast.ImportFrom)):
        modules = [alias.name for alias in node.names] if isinstance(node, ast.Import) else [node.module or ""]
        return next((name for name in modules if name.partition(".")[0] in UNPICKLES), None)
    if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name) and node.value.id == "yaml":
        return f"yaml.{node.attr}" if node.attr in ANY_TAG else None
    if isinstance(node, ast.keyword) and node.arg in {"shell", "allow_pickle"}:
        return node.arg if getattr(node.value, "value", None) is not False else None
    return None


@pytest.mark.parametrize("path", MODULES, ids=lambda path: path.relative_to(SOURCE).as_posix())
def test_no_data_becomes_code(path: Path) -> None:
    """No pickle in any of its forms, no YAML with tags, no eval and exec, no shell: what is read is data."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    found = [f"{what} in line {getattr(node, 'lineno', '?')}" for node in ast.walk(tree) if (what := runs_data(node))]
    assert not found


@pytest.mark.parametrize(
    "text",
    ["eval('1')", "import pickle", "from dill import loads", "yaml.load(x)", "yaml.FullLoader", "run(x, shell=True)"],
)
def test_what_turns_data_into_code_is_recognised(text: str) -> None:
    """The rule above sees each of these, and not their harmless neighbours."""
    assert any(runs_data(node) for node in ast.walk(ast.parse(text)))
    harmless = "yaml.parse(x); re.compile(x); ast.literal_eval(x); run(x, shell=False); evaluate(x); yaml.CSafeLoader"
    assert not any(runs_data(node) for node in ast.walk(ast.parse(harmless)))
