"""``python -m benchmarks.report``: how big, how fast to write and how quick to use the report of many trials is.

Half of the trials are the baseline's, half the candidate's; every answer is 1 kB of random words and has ten verdicts, of which four say something
of their own. One line per size: seconds to write (of the clock, of the processor) and size of the file; then, in Debian's Chromium without a graphics card, seconds to the first
paint and until the cases can be filtered; milliseconds from a key pressed in the search to the next paint, by the Event Timing API, which counts
in steps of 8; milliseconds between frames while the list scrolls by.
"""

from __future__ import annotations

import argparse
import random
import shutil
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from evalkit.compare.compare import compare
from evalkit.compare.values import Side
from evalkit.errors import Where
from evalkit.model.calls import Attempt, Call, Message, Request, Response, Usage
from evalkit.model.cases import Case, Trial, Variant
from evalkit.model.results import Result, RunInfo, Verdict
from evalkit.report.page.html import write_html
from evalkit.report.values import CallCounts, RunReport, VariantSummary

if TYPE_CHECKING:
    from collections.abc import Sequence

    from playwright.sync_api import Page

SUITE = ("refunds", "suites/refunds.yaml")
SYSTEM = "You answer for the shop. Policy: refunds within 30 days of delivery. Be warm and concrete."
SIDES = tuple(
    Variant(name, f"{name}-openai/gpt-5-mini", "", f"refund-reply:{version}", version * 32, "openai/gpt-5-mini")
    for name, version in (("baseline", "v1"), ("candidate", "v2"))
)
MB = 1_000_000
TYPED = "zebra crossing"


def words(number: int, source: random.Random) -> list[str]:
    """``number`` words of 2 to 10 letters, frequent letters more often."""
    letters = "etaoinshrdlucmfwypvbgkjqxz"
    weights = range(len(letters), 0, -1)
    return ["".join(source.choices(letters, weights, k=source.randint(2, 10))) for _ in range(number)]


def build_report(trials: int, *, vocabulary: int = 4000, seed: int = 1) -> RunReport:
    """A run of ``trials`` trials whose answers are made of ``vocabulary`` words; the same for the same arguments."""
    source = random.Random(seed)
    known = words(vocabulary, source)
    results = tuple(_result(index // 2, SIDES[index % 2], known, source) for index in range(trials))
    rows = [[r.measurement() for r in results[side::2]] for side in (0, 1)]
    comparison = compare(
        *rows, a_side=Side("baseline", SIDES[0].label), b_side=Side("candidate", SIDES[1].label), suite=SUITE[0]
    )
    run = RunInfo(
        "2026-11-21T09-12-44-big1", "2026-11-21T09:12:44Z", "live", "0.1.0", "3.12.4", planned=trials, complete=True
    )
    summaries = tuple(_summary(side, results[place::2]) for place, side in enumerate(SIDES))
    counts = CallCounts(trials, 0, 0, 0, 0, 0, 1.0)
    return RunReport(run, results, (), (), (comparison,), summaries, counts, comparison.sentence, "failed")


def _result(index: int, side: Variant, known: Sequence[str], source: random.Random) -> Result:
    case = Case(
        f"case-{index:05d}",
        {"order_id": f"A-{index}"},
        Where("suites/refunds.yaml", index),
        tags=frozenset({f"tag-{index % 7}"}),
    )
    text = " ".join(source.choices(known, k=160))[:1000]
    request = Request(
        side.model, (Message("system", SYSTEM), Message("user", f"Where is order A-{index}?")), endpoint="openai x"
    )
    latency = round(source.lognormvariate(0, 0.4), 3)
    reply = Response(text, usage=Usage(210, 180 + index % 60), latency_s=latency, served_model="gpt-5-mini-2026-08")
    call = Call(request, reply, "live", (Attempt(1, 0.0, latency, 0.0, 200),), round(source.uniform(1e-4, 9e-4), 7))
    return Result(Trial(*SUITE, case, side, 0, request), call, _verdicts(text, source))


def _verdicts(text: str, source: random.Random) -> tuple[Verdict, ...]:
    at = source.randrange(900)
    bad = source.random() < 0.06
    return (
        Verdict("contains", "content", "pass", f"found {text[at : at + 6]!r} at {at}", spans=((at, at + 6),), line=20),
        Verdict("length", "shape", "pass", f"{len(text.split())} words, at most 200 allowed", line=21),
        Verdict("rubric", "judge", "fail" if bad else "pass", f"kind: {source.random():.2f}", source.randrange(100) / 100, line=22),
        Verdict("similarity", "content", "pass", f"0.{source.randrange(5000, 9999)}, at least 0.5", source.randrange(100) / 100, line=23),
        Verdict("pii", "safety", "pass", "no personal data", line=24),
        Verdict("secrets", "safety", "pass", "no secret", line=25),
        Verdict("refusal", "safety", "pass", "no refusal", line=26),
        Verdict("language", "shape", "pass", "en", line=27),
        Verdict("finish_reason", "shape", "pass", "stop", line=28),
        Verdict("cost_usd", "operational", "pass", "under $0.002", line=29),
    )  # fmt: skip


def _summary(side: Variant, results: Sequence[Result]) -> VariantSummary:
    passed = sum(result.status == "pass" for result in results)
    return VariantSummary(
        *SUITE, side.label, side.name, side.prompt, side.model, passed, len(results) - passed, 0, 0, 0, None,
        1.0, 0.0, 1.0, 2.0, 210 * len(results), 200 * len(results),
    )  # fmt: skip


@dataclass(frozen=True)
class Use:
    """What a reader waits for: seconds to the first paint and to the list, milliseconds per key and between frames, sorted."""

    paint_s: float
    ready_s: float
    keys_ms: list[float]
    frames_ms: list[float]


SCROLL = """async () => {
  const box = document.getElementById('case-list');
  box.scrollIntoView();
  const frame = () => new Promise(requestAnimationFrame);
  const gaps = [];
  const far = Math.min(box.scrollHeight, 240 * 400);
  await frame();
  let last = await frame();
  for (let at = 0; at < 240; at += 1) {
    box.scrollTop = at * far / 240;
    const now = await frame();
    gaps.push(now - last);
    last = now;
  }
  return gaps;
}"""
KEYS = """() => {
  window.waits = [];
  new PerformanceObserver((list) => { for (const entry of list.getEntries()) if (entry.name === 'keydown') window.waits.push(entry.duration); })
    .observe({ type: 'event', durationThreshold: 16 });
}"""


def use(address: str) -> Use:
    """Open the page in Chromium, filter it and scroll it."""
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=shutil.which("chromium"), args=["--no-sandbox", "--disable-gpu"]
        )
        page = browser.new_page(viewport={"width": 1440, "height": 900})
        page.goto(address)
        page.wait_for_selector("html[data-ready]", timeout=120_000)
        ready = _value(page, "performance.now() / 1000")
        paint = _value(page, "performance.getEntriesByName('first-contentful-paint')[0].startTime / 1000")
        frames = sorted(page.evaluate(SCROLL))
        keys = _keys(page)
        browser.close()
    return Use(paint, ready, keys, frames)


def _keys(page: Page) -> list[float]:
    page.evaluate(KEYS)
    page.keyboard.press("/")
    for letter in TYPED:
        page.keyboard.type(letter)
        page.wait_for_timeout(150)
    waits: list[float] = page.evaluate("window.waits")
    return sorted(waits) or [16.0]


def _of(values: list[float], share: float) -> float:
    return values[min(len(values) - 1, int(len(values) * share))]


def _value(page: Page, expression: str) -> float:
    found: Any = page.evaluate(expression)
    return float(found)


def main() -> None:
    """Print one line per size."""
    parser = argparse.ArgumentParser(description="The report of many trials: size, time to write, time to use.")
    parser.add_argument("--n", default="10000,50000", help="numbers of trials, with commas (default: %(default)s)")
    parser.add_argument(
        "--vocabulary", type=int, default=4000, help="distinct words of the answers (default: %(default)s)"
    )
    parser.add_argument("--keep", type=Path, help="keep the reports in this folder")
    options = parser.parse_args()
    print("                                                  key ms       frame ms")
    print(" trials  write s  CPU s     MB  paint s  ready s   p50   max   p50   p95   max")
    with tempfile.TemporaryDirectory() as folder:
        for n in map(int, options.n.split(",")):
            report = build_report(n, vocabulary=options.vocabulary)
            started, worked = time.perf_counter(), time.process_time()
            path = write_html(report, (options.keep or Path(folder)) / str(n))
            written, work = time.perf_counter() - started, time.process_time() - worked
            found = use(path.as_uri())
            times = [
                _of(found.keys_ms, 0.5),
                found.keys_ms[-1],
                *(_of(found.frames_ms, share) for share in (0.5, 0.95, 1.0)),
            ]
            line = f"{n:7,} {written:8.2f} {work:6.2f} {path.stat().st_size / MB:6.2f} {found.paint_s:8.2f} {found.ready_s:8.2f}"
            print(line, *(f"{value:5.0f}" for value in times), flush=True)


if __name__ == "__main__":
    main()
