"""A web server that counts: documents with ranges, and every way to get them wrong."""

from __future__ import annotations

import contextlib
import re
import socket
import threading
from collections.abc import Callable
from typing import NamedTuple, Self

from peers import LIMIT

END_OF_HEAD = b"\r\n\r\n"


class Asked(NamedTuple):
    """One request, as the server saw it.

    Attributes:
      connection: the number of the connection it came on, from 0.
      start, stop: the range asked for; None for none or an open end. A suffix has a
        negative start.
    """

    connection: int
    target: str
    start: int | None
    stop: int | None
    head: bytes


#: Returns what to send, and whether to close the connection then.
Reply = Callable[["CountingServer", Asked], tuple[bytes, bool]]


class CountingServer:
    """Serves one document on loopback, over connections that stay.

    Attributes:
      data: the document.
      etag: its validator.
      asked: every request so far.
      answered: how many answers were handed to the kernel.
      reply: makes the answers; the tests' own may fall back on `ranged`.
      end: closes a connection that the reply wants closed.
    """

    end: Callable[[socket.socket], None] = staticmethod(lambda sock: sock.shutdown(socket.SHUT_WR))

    def __init__(self, data: bytes, reply: Reply | None = None, etag: str = '"v1"') -> None:
        self.data = data
        self.etag = etag
        self.asked: list[Asked] = []
        self.answered = 0
        self.reply: Reply = reply or ranged
        self.connections = 0
        self.socks: list[socket.socket] = []
        self.mistakes: list[BaseException] = []
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port = self.listener.getsockname()[1]
        self.threads = [threading.Thread(target=self.accept, name="counting: accept")]
        self.threads[0].start()

    def address(self, path: str = "/document", scheme: str = "http") -> str:
        return f"{scheme}://127.0.0.1:{self.port}{path}"

    @property
    def count(self) -> int:
        """How many requests there were."""
        return len(self.asked)

    def accept(self) -> None:
        with self.listener:
            while True:
                try:
                    sock, _ = self.listener.accept()
                except OSError:  # shut down by __exit__
                    return
                sock.settimeout(LIMIT)
                self.socks.append(sock)
                args = (sock, self.connections)
                self.connections += 1
                self.threads.append(threading.Thread(target=self.serve, args=args))
                self.threads[-1].start()

    def serve(self, sock: socket.socket, number: int) -> None:
        with sock:
            try:
                received = b""
                while True:
                    while END_OF_HEAD not in received:
                        data = sock.recv(65536)
                        if not data:
                            return
                        received += data
                    head, _, received = received.partition(END_OF_HEAD)
                    asked = parse(number, head)
                    self.asked.append(asked)
                    answer, closing = self.reply(self, asked)
                    sock.sendall(answer)
                    self.answered += 1
                    if closing:
                        self.end(sock)
            except OSError:  # the client may go when it likes
                pass
            except BaseException as error:  # re-raised by __exit__
                self.mistakes.append(error)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc_info: object) -> None:
        self.listener.shutdown(socket.SHUT_RDWR)
        self.threads[0].join(LIMIT)
        for sock in self.socks:
            if sock.fileno() >= 0:
                with contextlib.suppress(OSError):  # reset by the client
                    sock.shutdown(socket.SHUT_RDWR)
        for thread in self.threads:
            thread.join(LIMIT)
            assert not thread.is_alive()
        if self.mistakes:
            raise self.mistakes[0]


def parse(number: int, head: bytes) -> Asked:
    """Return the request that *head* is."""
    target = head.split(b" ")[1].decode()
    match = re.search(rb"(?im)^range: bytes=(\d*)-(\d*)\r?$", head)
    if match is None:
        return Asked(number, target, None, None, head)
    first, last = match[1].decode(), match[2].decode()
    if not first:
        return Asked(number, target, -int(last), None, head)
    return Asked(number, target, int(first), int(last) + 1 if last else None, head)


def answer(status: str, body: bytes = b"", **fields: str) -> bytes:
    """Return a whole response."""
    lines = [f"HTTP/1.1 {status}", f"Content-Length: {len(body)}"]
    lines += [f"{name.replace('_', '-')}: {value}" for name, value in fields.items()]
    return "\r\n".join([*lines, "", ""]).encode() + body


def bounds(server: CountingServer, asked: Asked) -> tuple[int, int]:
    """Return the range that was asked for, inside the document."""
    size = len(server.data)
    assert asked.start is not None
    start = max(0, size + asked.start) if asked.start < 0 else asked.start
    return start, min(size, asked.stop or size)


def ranged(server: CountingServer, asked: Asked) -> tuple[bytes, bool]:
    """Answer as RFC 9110 section 14 says."""
    if asked.start is None:
        return whole(server, asked)
    start, stop = bounds(server, asked)
    size = len(server.data)
    if start >= size:
        return answer("416 Range Not Satisfiable", Content_Range=f"bytes */{size}"), False
    where = f"bytes {start}-{stop - 1}/{size}"
    fields = {"Content_Range": where, "ETag": server.etag}
    return answer("206 Partial Content", server.data[start:stop], **fields), False


def whole(server: CountingServer, asked: Asked) -> tuple[bytes, bool]:
    """Answer with the whole document, whatever was asked for."""
    return answer("200 OK", server.data, ETag=server.etag), False
