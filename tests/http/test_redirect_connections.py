"""A redirect costs no connection where it came by one that is kept."""

from __future__ import annotations

import pytest
from counting import Asked, CountingServer, answer, whole

import fildes

MOVED = answer("302 Found", b"moved", Location="/there")


@pytest.mark.parametrize(
    ("moved", "connections"),
    [
        (MOVED, 1),
        (answer("302 Found", b"", Location="/there"), 1),
        (answer("302 Found", b"moved", Location="/there", Connection="close"), 2),
        (MOVED + b"!", 2),
        (MOVED.replace(b"Content-Length: 5", b"Content-Length: 6"), 2),
    ],
    ids=["short", "empty", "last", "excess", "incomplete"],
)
@pytest.mark.parametrize("again", [False, True])
def test_redirect_leads_on_over_its_connection(
    moved: bytes, connections: int, *, again: bool
) -> None:
    """Where a redirect came with all of its body, the next request needs no new connection."""

    def reply(server: CountingServer, asked: Asked) -> tuple[bytes, bool]:
        return (moved, False) if asked.head.startswith(b"GET /here ") else whole(server, asked)

    with CountingServer(b"document", reply) as server, fildes.Opener() as opener:
        for _ in range(1 + again):
            with opener.open(server.address("/here")) as file:
                assert file.read() == b"document"
        assert server.count == 2 + 2 * again
        assert server.connections == (1 if connections == 1 else connections + again)
