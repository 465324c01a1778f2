"""``evalkit calibrate``: how far a judge can be trusted, from what people say of the same answers."""

from __future__ import annotations

import json
from pathlib import Path

import click

from evalkit.config import find_root, load_config


@click.command("calibrate")
@click.argument("labels", required=False, type=click.Path(path_type=Path))
@click.option(
    "--run", "run", default="latest", show_default=True, metavar="RUN", help="The run whose answers they are."
)
@click.option(
    "--confidence", type=float, default=0.95, show_default=True, help="Two-sided confidence of the intervals."
)
@click.option("--format", "form", type=click.Choice(["text", "json"]), default="text", show_default=True)
def calibrate_command(labels: Path | None, run: str, confidence: float, form: str) -> int:
    """Compare the verdicts of a run with people's LABELS of the same answers, and store the labels.

    LABELS is a .csv, .jsonl or .parquet file with the columns case, check and label (pass or fail), and where these leave several
    answers variant, repeat and suite; by says who. Without LABELS, those that are stored count.

    \b
    Examples:
      evalkit calibrate labels.csv
      evalkit calibrate --run 20261120T0915
    """
    from evalkit.harness.labels.calibrating import calibrate
    from evalkit.report.calibration import calibration_json, calibration_lines
    from evalkit.report.clean import clean

    if not 0.5 <= confidence < 1:
        raise click.UsageError(f"--confidence {confidence}: between 0.5 and 1, for example 0.95")
    report = calibrate(load_config(find_root(Path.cwd())), run, labels, confidence=confidence)
    if form == "json":
        click.echo(json.dumps(calibration_json(report), indent=2))
    else:
        for line in calibration_lines(report):
            click.echo(clean(line))
    return 0
