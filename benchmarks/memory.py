"""The measure of how much memory it takes to read a very large document at random."""

from __future__ import annotations

import random
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

from measuring import Run, measure, time_ratio
from servers import nginx

import fildes

SIZE = 10 << 30
READS = 2000
ALLOWED = 64.0  # MiB


def figure(name: str) -> int:
    """Return a figure of proc_pid_status(5), in KiB."""
    text = Path("/proc/self/status").read_text()
    match = re.search(rf"^{name}:\s+(\d+) kB$", text, re.MULTILINE)
    assert match is not None
    return int(match[1])


def main(address: str) -> None:
    """Read here and there, and in between a while on; print how many KiB that took."""
    chance = random.Random(5)
    with fildes.open(address, http={"hint": "random"}) as file:
        before = figure("VmRSS")
        for number in range(READS):
            offset = chance.randrange(SIZE)
            file.pread(chance.choice([100, 5000, 200_000]), offset)
            if number % 50 == 0:
                file.seek(offset)
                for _ in range(40):
                    file.read(65536)
        print(figure("VmHWM") - before)


@measure(
    f"memory for {READS} reads in 10 GiB at random, over the start, against {ALLOWED:.0f} MiB",
    time_ratio(1.0),
    repeats=2,
    show=lambda mebibytes: f"{mebibytes:.0f} MiB",
)
def memory_of_random_reads() -> Iterator[tuple[Run, Run]]:
    with nginx(body=SIZE) as (port, _, _):
        command = [sys.executable, __file__, f"http://127.0.0.1:{port}/body"]

        def ours() -> float:
            done = subprocess.run(command, capture_output=True, text=True, check=True)
            return int(done.stdout) / 1024

        yield ours, lambda: ALLOWED


if __name__ == "__main__":
    main(sys.argv[1])
