"""The wheel: the same bytes whenever and wherever it is built, with everything that the package needs and nothing else."""

from __future__ import annotations

import hashlib
import os
import re
import shutil
import subprocess
import sys
import tomllib
import zipfile
from importlib.metadata import metadata
from pathlib import Path

import pytest

import evalkit

ROOT = Path(__file__).parents[1]
SOURCE = ROOT / "src" / "evalkit"
PAGE = (ROOT / "docs" / "dependencies.md").read_text(encoding="utf-8")
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]


def build(checkout: Path, *, written_at: int) -> Path:
    """Build the wheel of a copy of what the package is made of, whose files were written at that time."""
    shutil.copytree(SOURCE, checkout / "src" / "evalkit", ignore=shutil.ignore_patterns("__pycache__"))
    for name in ("pyproject.toml", "README.md", "LICENSE"):
        shutil.copy(ROOT / name, checkout)
    for path in checkout.rglob("*"):
        os.utime(path, (written_at, written_at))
    words = [sys.executable, "-m", "hatchling", "build", "--target", "wheel", "--directory", "out"]
    environment = {**os.environ, "SOURCE_DATE_EPOCH": "1700000000"}
    subprocess.run(words, cwd=checkout, check=True, capture_output=True, env=environment, timeout=120)
    (wheel,) = (checkout / "out").glob("*.whl")
    return wheel


@pytest.mark.skipif(not SOURCE.is_dir(), reason="the wheel is what is being tested: there is no src")
def test_two_builds_are_the_same_bytes(tmp_path: Path) -> None:
    """Two checkouts, in other folders and with other times of the files; every file of the package is inside, and no other."""
    wheels = [build(tmp_path / "here", written_at=10**9), build(tmp_path / "elsewhere" / "later", written_at=2 * 10**9)]
    first, second = (hashlib.sha256(wheel.read_bytes()).hexdigest() for wheel in wheels)
    assert first == second
    with zipfile.ZipFile(wheels[0]) as wheel:
        inside = {name for name in wheel.namelist() if not name.split("/")[0].endswith(".dist-info")}
    files = {path for path in SOURCE.rglob("*") if path.is_file() and "__pycache__" not in path.parts}
    assert inside == {path.relative_to(SOURCE.parent).as_posix() for path in files}


@pytest.mark.skipif("EVALKIT_FROM_WHEEL" not in os.environ, reason="only make test runs against the wheel")
def test_it_is_the_wheel_that_is_tested() -> None:
    """Nothing on the path leads back to a checkout: the package is where pip put it, and there is no src."""
    assert Path(evalkit.__file__).is_relative_to(sys.prefix)
    assert not SOURCE.exists()


def declared() -> dict[str, str]:
    """Every package that pyproject.toml names, with the extra it belongs to ('' for all users)."""
    named = {"": PROJECT["dependencies"], **PROJECT["optional-dependencies"]}
    return {re.split(r"[\[<>=]", line)[0]: extra for extra, lines in named.items() for line in lines}


def explained() -> dict[str, list[str]]:
    """The rows of the page's tables: package → reason, licence, and what would replace it."""
    rows = [
        [cell.strip() for cell in line.strip("|").split("|")] for line in PAGE.splitlines() if line.startswith("| `")
    ]
    return {row[0].strip("`"): row[1:] for row in rows}


def test_every_dependency_has_its_reason() -> None:
    """Each package, under its extra, with the reason, the licence and what would stand in for it; none that is not there."""
    page = explained()
    assert page.keys() == declared().keys()
    for name, (extra, reason, licence, instead) in page.items():
        assert extra.strip("`") == (declared()[name] or "always"), name
        assert len(reason) > 15, name
        assert len(instead) > 5, name
        assert licence, name


@pytest.mark.parametrize("name", declared())
def test_the_licence_is_the_one_that_the_package_states(name: str) -> None:
    """As its own metadata says, where it is installed."""
    try:
        about = metadata(name)
    except ModuleNotFoundError:
        pytest.skip("not installed")
    told = " ".join([
        about.get("License-Expression") or "", about.get("License") or "", *(about.get_all("Classifier") or [])
    ])  # fmt: skip
    for part in explained()[name][2].split(" and "):
        assert part.partition("-")[0].lower() in told.lower(), told[:200]
