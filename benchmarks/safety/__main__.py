"""``python -m benchmarks.safety``: precision and recall of every safety check on the labelled corpus, and each mistake."""

from __future__ import annotations

import sys

from benchmarks.safety.measure import judge_rows, quality, read_corpus, table


def main() -> int:
    """Print the mistakes, then the table."""
    judged = list(judge_rows(read_corpus()))
    for row in judged:
        if row.found != row.bad:
            print(f"{row.part:8} {row.check:12} {'MISSED' if row.bad else 'ALARM '} {row.lang} {row.text[:110]!r}")
    print(table(quality(judged)))
    return 0


if __name__ == "__main__":
    sys.exit(main())
