"""``python -m benchmarks.safety [PAGE]``: precision and recall of every safety check on the labelled corpus, and each mistake.

With PAGE, the table is also written into that Markdown file, between ``<!-- table -->`` and ``<!-- end -->``.
"""

from __future__ import annotations

import sys
from pathlib import Path

from benchmarks.safety.measure import judge_rows, quality, read_corpus, table


def main(arguments: list[str]) -> int:
    """Print the mistakes, then the table."""
    judged = list(judge_rows(read_corpus()))
    for row in judged:
        if row.found != row.bad:
            print(f"{row.part:8} {row.check:12} {'MISSED' if row.bad else 'ALARM '} {row.lang} {row.text[:110]!r}")
    found = table(quality(judged))
    print(found)
    for name in arguments:
        page = Path(name)
        before, mark, rest = page.read_text(encoding="utf-8").partition("<!-- table -->")
        after = rest.partition("<!-- end -->")[2]
        page.write_text(f"{before}{mark}\n{found}\n<!-- end -->{after}", encoding="utf-8", newline="\n")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
