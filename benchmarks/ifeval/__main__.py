"""``python -m benchmarks.ifeval``: real answers, judged through pytest by replay, compared with the reference verdicts."""

from __future__ import annotations

import argparse
import subprocess
import sys
import tempfile
from collections import defaultdict
from contextlib import ExitStack
from pathlib import Path

import evalkit
from benchmarks.ifeval.project import read_rows, write_project
from benchmarks.ifeval.score import Judged, score
from evalkit.errors import EvalkitError

DATA = Path("../shared/data/ifeval/gpt4_2023_11.jsonl")


def main(arguments: list[str] | None = None) -> int:
    """Run the benchmark. Returns 0 if every disagreement is one that is explained, 1 if not, 2 if it could not run."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.ifeval", description=__doc__)
    parser.add_argument("--data", type=Path, default=DATA, help=f"the answers and reference verdicts (default: {DATA})")
    parser.add_argument("--work", type=Path, help="keep the project, its database and its report in this folder")
    options = parser.parse_args(arguments)
    try:
        rows = read_rows(options.data)
        with ExitStack() as stack:
            work = options.work or Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="evalkit-ifeval-")))
            write_project(work, rows)
            run_suite(work)
            found = score(rows, verdicts(work))
    except EvalkitError as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    print(found.table())
    for disagreement in found.disagreements:
        print(disagreement)
    print(found)
    return int(any(disagreement.explanation is None for disagreement in found.disagreements))


def run_suite(work: Path) -> None:
    """Run the suite with pytest in the project folder. Raises EvalkitError with its output if it could not measure."""
    command = [sys.executable, "-m", "pytest", "suites", "-q", "--tb=no", "-p", "no:cacheprovider"]
    done = subprocess.run(command, cwd=work, capture_output=True, encoding="utf-8", check=False)
    if done.returncode not in {0, 1}:
        raise EvalkitError(f"pytest ended with exit code {done.returncode}:\n{(done.stdout + done.stderr)[-3000:]}")


def verdicts(work: Path) -> dict[int, list[Judged]]:
    """The verdicts of the latest run by key, in the order of the checks."""
    frames = evalkit.load(work)
    latest = frames.runs.sort_values("started_at").iloc[-1]["run_id"]
    trials = frames.trials[frames.trials["run_id"] == latest]
    keys = dict(zip(trials["trial_id"], trials["case_id"], strict=True))
    judged: dict[int, list[Judged]] = defaultdict(list)
    rows = frames.verdicts[frames.verdicts["run_id"] == latest].sort_values(["trial_id", "position"])
    for row in rows.itertuples():
        judged[int(keys[row.trial_id])].append(Judged(row.status, row.reason))
    return judged


if __name__ == "__main__":
    sys.exit(main())
