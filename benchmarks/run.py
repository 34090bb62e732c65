"""Measure fildes against what else does the same: `make bench`.

With names as arguments only those measures are taken, and nothing is written.
Exits with 1 when a goal is missed or could not be measured.
"""

from __future__ import annotations

import platform
import statistics
import sys
import time
from collections.abc import Iterable
from pathlib import Path

# Importing them fills the table, in this order.
import conversations  # noqa: F401  # for its effect
import copies  # noqa: F401  # for its effect
import documents  # noqa: F401  # for its effect
import fetching  # noqa: F401  # for its effect
import gigabytes  # noqa: F401  # for its effect
import memory  # noqa: F401  # for its effect
import messaging  # noqa: F401  # for its effect
import patterns  # noqa: F401  # for its effect
import ranges  # noqa: F401  # for its effect
import relays  # noqa: F401  # for its effect
import secure  # noqa: F401  # for its effect
import starting  # noqa: F401  # for its effect
from drawing import picture
from measuring import MEASURES, ROOT, Measure, Missing, Result, take

RESULTS = ROOT / "benchmarks" / "RESULTS.md"
PICTURE = RESULTS.with_name("results.svg")

HEAD = """\
# Results

![how many times better than wanted each measure is](results.svg)

Written by `make bench`: medians of runs in turn, on one machine at one time. The
result is the median of comparing each run with the one beside it.

Patterns of reads are taken 20 ms away. Like is compared with like: cold, nobody has a
connection from before; kept, everybody has one. The rules of reading at random were made
on the patterns without a word before them. The *held out* ones were written down later. When
they were first measured, before anything was changed for them, the geometric mean was 2.56
times as fast as fsspec's default cold and 2.53 kept, and four were more than 1.5 times as
slow as the fastest: two readers in turn (3.3), the B-tree (1.6), backward by 10,000 bytes
(1.6) and, kept, 64 KiB of each 300 KiB (1.8). What was wrong there was corrected for all
patterns. So the *unseen* ones were written down after that, and nothing was changed for
them; the first time they gave 3.05 cold and 3.51 kept, and kept two were more than 1.5
times as slow as the fastest: records (1.7) and tiles of a picture (1.5). What that showed was
corrected for all patterns, with the help of a simulation of slower networks: what TCP's slow
start hides, answers that were left unread, pages that are asked for again. The *fresh* ones
were written down before that and looked at by nobody; before it they gave 1.97 cold and 2.13
kept, and one was more than 1.5 times as slow as the fastest: tensors (1.5 cold, 1.6 kept).
Afterwards they first gave 2.04 and 2.26, and tensors 1.6 in both.
fsspec's cache of blocks keeps 160 MiB where a document of ours keeps 32, which the B-tree
shows.

* Date: {date}
* Processor: {processor}, {count} of them
* Kernel: {system} {kernel}; tcp's congestion control is {control}
* Python: {python}

| measure | fildes | the other | result | wanted | |
|---|---:|---:|---:|---|---|
"""


def main(names: list[str]) -> int:
    measures = [measure for measure in MEASURES if not names or measure.name in names]
    rows, results = [], []
    for measure in measures:
        row, result = measured_row(measure)
        print(row, flush=True)
        rows.append(row)
        results += [] if result is None else [result]
    if not names:
        RESULTS.write_text(head() + "\n".join(rows) + "\n")
        PICTURE.write_text(picture(results))
    return int(not measures or sum(result.reached for result in results) < len(measures))


def measured_row(measure: Measure) -> tuple[str, Result | None]:
    """Take *measure* and return its row of the table, and its result if it has one."""
    try:
        result = take(measure)
    except Missing as missing:
        return table_row([measure.title, "", "", "", measure.goal.text, str(missing)]), None
    return table_row(cells_of(result)), result


def cells_of(result: Result) -> Iterable[str]:
    measure = result.measure
    yield measure.title
    for seconds, beside in zip((result.ours, result.theirs), result.beside, strict=True):
        yield measure.show(statistics.median(seconds)) + (f", {beside}" if beside else "")
    yield measure.goal.show.format(result.value)
    yield measure.goal.text
    yield "reached" if result.reached else "**missed**"


def table_row(cells: Iterable[str]) -> str:
    return f"| {' | '.join(cells)} |"


def head() -> str:
    processors = [
        line.partition(":")[2].strip()
        for line in Path("/proc/cpuinfo").read_text().splitlines()
        if line.startswith("model name")
    ]
    return HEAD.format(
        date=time.strftime("%Y-%m-%d", time.gmtime()),
        processor=processors[0] if processors else platform.machine(),
        count=len(processors) or "an unknown number",
        system=platform.system(),
        kernel=platform.release(),
        control=Path("/proc/sys/net/ipv4/tcp_congestion_control").read_text().strip(),
        python=f"{platform.python_implementation()} {platform.python_version()}",
    )


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
