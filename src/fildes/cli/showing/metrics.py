"""What was done, for Prometheus: the metrics, and a small web server."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING

from fildes.cli.showing.exposition import CONTENT_TYPE, Labels, Metric, exposition

if TYPE_CHECKING:
    from fildes.cli.showing.counts import Counts, View
    from fildes.cli.showing.table import Kind
    from fildes.streams.stream import Stream

#: Longest head of a request that is read; a scraper's has a few hundred bytes.
MAX_HEAD = 8192  # arbitrary


def metrics_of(view: View) -> list[Metric]:
    """Return all metrics of *view*; who listens no more still counts."""
    started = time.time() - (time.monotonic() - view.started)
    found = [
        *counters(view),
        *bytes_of(view),
        Metric(f"fildes_{view.kind}_start_time_seconds", "gauge",
               "When the process began, in seconds since 1970.", {(): started}),
    ]  # fmt: skip
    by_worker: dict[Labels, float] = {
        (("worker", str(n)),): float(c) for n, c in view.open_by_worker().items()
    }
    if by_worker:
        found.append(Metric(f"fildes_{view.kind}_worker_connections_active", "gauge",
                            "Connections that are open, by worker.", by_worker))  # fmt: skip
    return found


def counters(view: View) -> Iterator[Metric]:
    """Yield what was counted of connections."""
    counts, names, kind = view.counts(), set(view.names), view.kind

    def each(value: Callable[[Counts], float]) -> dict[Labels, float]:
        """Return *value* of the counts, by labels."""
        return {labels_of(kind, name): value(its) for name, its in counts.items()}

    failed = {
        (*labels_of(kind, name), ("step", step)): float(count)
        for name, its in counts.items()
        for step, count in its.failed.items()
    }
    up = {labels_of(kind, name): float(name in names) for name in counts}
    yield Metric(f"fildes_{kind}_up", "gauge", "Whether it listens.", up)
    of_connections = f"fildes_{kind}_connections"
    yield Metric(f"{of_connections}_accepted_total", "counter",
                 "Connections that were accepted.", each(lambda its: its.accepted))  # fmt: skip
    yield Metric(f"{of_connections}_refused_total", "counter",
                 "Clients that were not let in.", each(lambda its: its.refused))  # fmt: skip
    yield Metric(f"{of_connections}_active", "gauge",
                 "Connections that are open.", each(lambda its: its.active))  # fmt: skip
    yield Metric(f"{of_connections}_failed_total", "counter",
                 "Connections that failed, by the step in which they did.", failed)  # fmt: skip


def bytes_of(view: View) -> Iterator[Metric]:
    """Yield how many bytes were copied, if they were counted."""
    if view.kind != "relay":
        return
    moved: dict[Labels, float] = {}
    for name, its in view.counts().items():
        labels = labels_of(view.kind, name)
        moved[*labels, ("direction", "left_to_right")] = its.there
        moved[*labels, ("direction", "right_to_left")] = its.back
    yield Metric("fildes_relay_bytes_total", "counter", "Bytes that were copied.", moved)


def labels_of(kind: Kind, name: str) -> Labels:
    """Return the labels of the relay called *name*; that of the command line has no name.

    A server is alone in its process.
    """
    return (("relay", name or "relay"),) if kind == "relay" else ()


async def answer(stream: Stream, view: View) -> None:
    """Read one request from *stream* and answer it; protocol code, run with a deadline."""
    head = b""
    while b"\r\n\r\n" not in head and len(head) < MAX_HEAD:
        data = await stream.recv(MAX_HEAD)
        if not data:
            break
        head += data
    await stream.send_all(response(head, view))
    await stream.half_close()
    await stream.close()


def response(head: bytes, view: View) -> bytes:
    """Return the answer to the request whose head is *head*."""
    line, _, _ = head.partition(b"\r\n")
    match line.split(b" "):
        case [b"GET" | b"HEAD" as method, target, version] if version.startswith(b"HTTP/1."):
            if target.partition(b"?")[0] in (b"/metrics", b"/"):
                body = exposition(metrics_of(view)).encode()
                return answer_of("200 OK", body, bodiless=method == b"HEAD")
            return answer_of("404 Not Found", b"metrics are at /metrics\n")
        case [_, _, version] if version.startswith(b"HTTP/1."):
            return answer_of("405 Method Not Allowed", b"GET /metrics\n")
    return answer_of("400 Bad Request", b"this speaks HTTP/1.1\n")


def answer_of(status: str, body: bytes, *, bodiless: bool = False) -> bytes:
    """Return a response with *body*, or with its head alone."""
    kind = CONTENT_TYPE if status.startswith("200") else "text/plain; charset=utf-8"
    allow = "Allow: GET, HEAD\r\n" if status.startswith("405") else ""
    head = (
        f"HTTP/1.1 {status}\r\nContent-Type: {kind}\r\nContent-Length: {len(body)}\r\n"
        f"{allow}Connection: close\r\n\r\n"
    )
    return head.encode() + (b"" if bodiless else body)
