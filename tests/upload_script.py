"""Scripts for servers that take documents, and what they have taken."""

from __future__ import annotations

from peers import Conversation, Script

CREATED = b'HTTP/1.1 201 Created\r\nETag: "new"\r\nContent-Length: 0\r\n\r\n'
LARGE = bytes(range(256)) * 16384  # more than all buffers on the way hold

#: More bytes than the buffers of both kernels take: tcp_wmem and tcp_rmem of tcp(7).
TOO_LARGE = 64 << 20


def taking(answer: bytes = CREATED, *, size: int | None = None) -> Script:
    """Return the script that takes a whole request, of chunks or *size*, and answers."""

    def take(talk: Conversation) -> None:
        talk.recv_until(b"\r\n\r\n")
        talk.recv_until(b"0\r\n\r\n") if size is None else talk.recv_exactly(size)
        talk.send(answer)

    return take


def recording(talk: Conversation) -> None:
    """Receive up to the end, however that is."""
    talk.recv_all()


def body_of(request: bytes) -> bytes:
    return request.partition(b"\r\n\r\n")[2]


def decoded(request: bytes) -> bytes:
    """Return the payload of a chunked request."""
    data, rest = b"", body_of(request)
    while True:
        line, _, rest = rest.partition(b"\r\n")
        size = int(line, 16)
        if not size:
            return data
        data, rest = data + rest[:size], rest[size + 2 :]
