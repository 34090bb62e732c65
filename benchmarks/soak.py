"""A million short connections through `fildes relay`: its memory and its descriptors meanwhile.

    python benchmarks/soak.py [tcp|tls|udp] [COUNT]

shows how far it is, checks that nothing grew, and writes SOAK.md and soak.svg beside
itself for tcp. It takes some minutes.
"""

from __future__ import annotations

import contextlib
import platform
import sys
import time
from collections.abc import Iterator
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1] / "tests"))

from relay_servers import HOST, running
from servers import authority, free_port
from soaking import (
    BATCH,
    Ask,
    Sample,
    answering,
    ask_by_tcp,
    ask_by_tls,
    ask_by_udp,
    check_flat,
    soak,
)

#: Connections, unless said otherwise.
COUNTS = {"tcp": 1_000_000, "tls": 50_000, "udp": 50_000}

#: KiB that may come to what the first tenth has taken: an arena of CPython, and some more.
ALLOWED = 1024  # arbitrary

#: Seconds without a byte after which a conversation of datagrams is over; and how many
#: there may be at once.
SILENCE, CONVERSATIONS = 0.2, 4000

#: Connections that are made before any is counted: twice as many as can be open at once.
WARM = {"tcp": 4 * BATCH, "tls": 4 * BATCH, "udp": 2 * CONVERSATIONS}


@contextlib.contextmanager
def relay(kind: str) -> Iterator[tuple[int, int, Ask]]:
    """Run a relay and a server behind it; yield its process, its port, and how to ask."""
    port = free_port()
    with contextlib.ExitStack() as stack:
        target = stack.enter_context(answering("udp" if kind == "udp" else "tcp"))
        near, far = f"tcp-listen://{HOST}:{port}", f"tcp://{HOST}:{target}"
        ask: Ask = ask_by_tcp
        if kind == "udp":
            options = f"idle-timeout={SILENCE}&max-connections={CONVERSATIONS}"
            near, far = f"udp-listen://{HOST}:{port}?{options}", f"udp://{HOST}:{target}"
            ask = ask_by_udp
        elif kind == "tls":
            ca = stack.enter_context(authority())
            files = f"cert={ca.localhost.cert_file}&key={ca.localhost.key_file}"
            near, ask = f"tls-listen://{HOST}:{port}?{files}", ask_by_tls(ca.client_context())
        argv = [sys.executable, "-m", "fildes", "relay", near, far]
        process = stack.enter_context(running(port, *argv, udp=kind == "udp"))
        yield process.pid, port, ask


def shown(samples: Iterator[Sample], count: int) -> list[Sample]:
    """Return *samples*, each of which is shown when it comes."""
    found = []
    for each in samples:
        found.append(each)
        rate = each.done / each.seconds if each.seconds else 0
        print(
            f"{each.done:>9,} of {count:,} {each.seconds:7.1f} s {rate:7,.0f}/s"
            f" {each.memory:7,} KiB {each.descriptors:4} descriptors",
            flush=True,
        )
    return found


WIDTH, HEIGHT, MARGIN = 720, 240, 48

PICTURE = """\
<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" font-family="sans-serif"
 font-size="12"><rect width="100%" height="100%" fill="#fff"/>
<text x="{margin}" y="20">{title}</text>
<g fill="none" stroke-width="1.5"><polyline stroke="#06c" points="{memory}"/>
<polyline stroke="#c60" points="{descriptors}"/></g>
<path d="M{margin} 32V{bottom}H{right}" fill="none" stroke="#888"/>
<text x="{margin}" y="{caption}" fill="#06c">resident memory, KiB: {most_memory:,} at most</text>
<text x="{middle}" y="{caption}" fill="#c60">descriptors: {most_descriptors} at most,
 {last_descriptors} at the end</text></svg>
"""


def line(samples: list[Sample], values: list[int], top: float) -> str:
    """Return the points of a line through *values*, of which *top* would be at the top."""
    across, up = WIDTH - 2 * MARGIN, HEIGHT - 32 - MARGIN
    points = [
        (MARGIN + across * each.done / samples[-1].done, HEIGHT - MARGIN - up * value / top)
        for each, value in zip(samples, values, strict=True)
    ]
    return " ".join(f"{x:.1f},{y:.1f}" for x, y in points)


def picture(samples: list[Sample]) -> str:
    """Return both curves over the number of connections, as SVG; both begin at zero."""
    memory = [each.memory for each in samples]
    descriptors = [each.descriptors for each in samples]
    return PICTURE.format(
        width=WIDTH, height=HEIGHT, margin=MARGIN, bottom=HEIGHT - MARGIN, right=WIDTH - MARGIN,
        middle=WIDTH // 2, caption=HEIGHT - 20,
        title=f"fildes relay, {samples[-1].done:,} connections, up to 64 at once",
        memory=line(samples, memory, 1.2 * max(memory)),
        descriptors=line(samples, descriptors, 2.5 * max(descriptors)),
        most_memory=max(memory), most_descriptors=max(descriptors),
        last_descriptors=descriptors[-1],
    )  # fmt: skip


def table(samples: list[Sample]) -> str:
    """Return what to write of a soak, with every fifth sample."""
    last = samples[-1]
    head = (
        f"# A soak of the relay\n\nWritten by `make soak` on {time.strftime('%Y-%m-%d')}:"
        f" {platform.system()} {platform.release()}, {platform.python_implementation()}"
        f" {platform.python_version()}.\n{last.done:,} connections of 64 bytes there and back, up"
        f" to 64 at once, in {last.seconds:,.0f} s.\n\n![memory and"
        " descriptors](soak.svg)\n\n| connections | seconds | resident KiB | descriptors |\n"
        "|---:|---:|---:|---:|\n"
    )
    rows = [*samples[:3], *samples[5:-1:5], last]
    return head + "".join(
        f"| {each.done:,} | {each.seconds:,.0f} | {each.memory:,} | {each.descriptors} |\n"
        for each in rows
    )


def main(kind: str = "tcp", count: str = "") -> None:
    wanted = int(count.replace("_", "") or COUNTS[kind])
    with relay(kind) as (pid, port, ask):
        samples = shown(soak(pid, port, wanted, ask, warm=WARM[kind]), wanted)
    if kind == "tcp" and wanted == COUNTS[kind]:
        here = Path(__file__).parent
        (here / "soak.svg").write_text(picture(samples))
        (here / "SOAK.md").write_text(table(samples))
    check_flat(samples, ALLOWED, 2 * CONVERSATIONS if kind == "udp" else 128)
    print(f"nothing grew: less than {1024 * ALLOWED / wanted:,.0f} bytes for each connection")


if __name__ == "__main__":
    main(*sys.argv[1:])
