"""What we accept from a server, curl accepts too, with the same body.

One curl fetches all of it: a process each would take longer than all the rest.
"""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from peers import Conversation, StartPeer
from programs import need
from responses import MUTATIONS, SOUND, Mutations, mutate

from fildes.errors import ProtocolError
from fildes.wire.http1 import HeadReader
from fildes.wire.http1_body import body_reader
from fildes.wire.http1_framing import framing_of

LIMIT = 50.0


def body_of(data: bytes) -> bytes:
    """Return the body that our reader finds in a response.

    Raises:
      ProtocolError: it is not acceptable.
    """
    reader = HeadReader()
    reader.feed(data)
    reader.eof()
    assert reader.head is not None
    body = body_reader(framing_of(reader.head, "GET"))
    size = body.decode(memoryview(reader.rest))
    if not body.done:
        body.eof()
    return bytes(reader.rest[:size])


def accepted() -> list[bytes]:
    """Return mutated responses that we accept, the same on every run."""
    found: dict[bytes, None] = dict.fromkeys(SOUND)

    @settings(max_examples=2500)
    @given(st.sampled_from(SOUND), MUTATIONS)
    def collect(response: bytes, mutations: Mutations) -> None:
        response = mutate(response, mutations)
        try:
            body_of(response)
        except ProtocolError:
            return
        found[response] = None

    collect()
    return [*found]


def fetch_all(peer: StartPeer, responses: list[bytes], folder: Path) -> list[tuple[int, bytes]]:
    """Return, for each of *responses*, the exit status of curl and what it wrote."""

    def serve(talk: Conversation) -> None:
        number = talk.recv_until(b"\r\n\r\n").split()[1][1:]
        talk.send(responses[int(number)])

    server = peer(serve, repeat=True)
    lines = [
        f'url = "{server.address("http", f"/{number}")}"\noutput = "{folder}/{number}"\n'
        for number in range(len(responses))
    ]
    (folder / "config").write_text("".join(lines))
    argv = [need("curl"), "-q", "-s", "--http1.1", "--noproxy", "*"]
    done = subprocess.run(
        [*argv, "-w", "%{exitcode}\n", "-K", str(folder / "config")],
        capture_output=True, timeout=LIMIT, check=False,
    )  # fmt: skip
    statuses = [int(line) for line in done.stdout.split()]
    assert len(statuses) == len(responses)
    places = [folder / str(number) for number in range(len(responses))]
    bodies = [place.read_bytes() if place.exists() else b"" for place in places]
    return list(zip(statuses, bodies, strict=True))


@pytest.mark.slow
def test_whatever_we_accept_curl_reads_in_the_same_way(peer: StartPeer, tmp_path: Path) -> None:
    """No response is accepted that curl refuses, or reads to another end."""
    responses = accepted()
    assert len(responses) > 200
    differ = [
        (response, theirs)
        for response, theirs in zip(responses, fetch_all(peer, responses, tmp_path), strict=True)
        if theirs != (0, body_of(response))
    ]
    assert differ == []
