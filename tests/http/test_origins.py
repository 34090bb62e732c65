"""What a caller gives for one origin stays with it, wherever redirects lead."""

from __future__ import annotations

import ssl
from collections.abc import Callable

import pytest
from authority import Authority
from http_script import answering, document, fields_of, redirect
from peers import Conversation, Script, StartPeer

import fildes

CANARY = "canary"

#: What a caller may give that nobody but the first server is to see.
SECRETS = {
    "Authorization": [f"Bearer {CANARY}", f"Basic {CANARY}"],
    "Cookie": f"session={CANARY}",
    "X-Api-Key": CANARY,
    "Proxy-Authorization": CANARY,
}


def test_same_origin_keeps_what_is_ours(peer: StartPeer) -> None:
    """Headers, user and password go with a redirect that stays with the server."""
    server = peer(answering(redirect(b"/c")), answering(document()))
    address = server.address("http", "/").replace("//", f"//user:{CANARY}@")
    headers = {"Cookie": "c", "X-Api-Key": "k"}
    with fildes.open(address, http={"headers": headers}):
        pass
    first, second = (fields_of(bytes(talk.received)) for talk in server.conversations)
    assert first == second
    assert (second["cookie"], second["x-api-key"]) == (["c"], ["k"])
    assert second["authorization"][0].startswith("Basic ")


def assert_knows_nothing(*conversations: Conversation) -> None:
    """Check that the servers were asked for a document and told nothing else."""
    usual = {"host", "user-agent", "accept", "accept-encoding", "range"}
    for talk in conversations:
        assert set(fields_of(bytes(talk.received))) == usual
        assert CANARY.encode() not in talk.received


def leading(location: Callable[[], str]) -> Script:
    """Return the script of a redirect to a place known only when it is asked for."""
    return lambda talk: answering(redirect(location().encode()))(talk)


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost"], ids=["port", "host and port"])
def test_other_port_gets_nothing_of_ours(peer: StartPeer, host: str) -> None:
    """Another port sees no header, cookie, user or password of the caller."""
    other = peer(answering(document(b"there")))
    server = peer(answering(redirect(f"http://{host}:{other.port}/".encode())))
    address = server.address("http", "/").replace("//", f"//user:{CANARY}@")
    with fildes.open(address, http={"headers": SECRETS}) as file:
        assert file.read() == b"there"
    assert server.received.count(CANARY.encode()) == 5
    assert_knows_nothing(*other.conversations)


def test_other_host_gets_nothing_of_ours(peer: StartPeer) -> None:
    """Another host sees no header, cookie, user or password of the caller."""
    server = peer(
        leading(lambda: f"http://localhost:{server.port}/"), answering(document(b"there"))
    )
    with fildes.open(server.address("http", "/"), http={"headers": SECRETS}) as file:
        assert file.read() == b"there"
    assert_knows_nothing(server.conversations[1])


def test_what_was_dropped_does_not_come_back(peer: StartPeer) -> None:
    """A way back from another origin is one that this origin made up: it gets nothing."""
    other = peer(leading(lambda: server.address("http", "/c")))
    server = peer(leading(lambda: other.address("http", "/")), answering(document(b"there")))
    with fildes.open(server.address("http", "/"), http={"headers": SECRETS}) as file:
        assert file.read() == b"there"
    assert_knows_nothing(other.conversations[0], server.conversations[1])


def test_other_scheme_is_another_origin(peer: StartPeer, tls_ca: Authority) -> None:
    """From http to https nothing of the caller's goes along, even to the same host."""
    secure = peer(answering(document(b"there")), tls=tls_ca.server_context())
    server = peer(answering(redirect(secure.address("https", "/").encode())))
    ours = {"headers": SECRETS}
    tls = {"ca": str(tls_ca.ca_file)}
    with fildes.open(server.address("http", "/"), http=ours, https=ours, tls=tls) as file:
        assert file.read() == b"there"
    assert_knows_nothing(*secure.conversations)


def test_tls_is_not_lost(peer: StartPeer, tls_ca: Authority) -> None:
    """A redirect from https to http is refused, and nobody is connected to."""
    server = peer(answering(document()))
    secure = peer(
        answering(redirect(server.address("http", "/").encode())), tls=tls_ca.server_context()
    )
    with pytest.raises(PermissionError, match="lose TLS"):
        fildes.open(secure.address("https", "/"), tls={"ca": str(tls_ca.ca_file)})
    assert server.conversations == []


def test_client_certificate_is_for_the_chosen_origin(peer: StartPeer, tls_ca: Authority) -> None:
    """Another origin gets no client certificate, and has to prove its own name."""
    seen = []

    def looking(response: bytes) -> Script:
        def look(talk: Conversation) -> None:
            seen.append(talk.wire.tls.getpeercert() is not None)  # type: ignore[attr-defined]  # a TlsWire
            answering(response)(talk)

        return look

    context = tls_ca.server_context()
    context.load_verify_locations(tls_ca.ca_file)
    context.verify_mode = ssl.CERT_OPTIONAL
    other = peer(looking(document(b"there")), tls=context)
    first = peer(looking(redirect(other.address("https", "/").encode())), tls=context)
    ours = tls_ca.issue("client.example")
    tls = {"cert": str(ours.cert_file), "key": str(ours.key_file), "ca": str(tls_ca.ca_file)}
    with fildes.open(first.address("https", "/"), tls={**tls, "name": "localhost"}) as file:
        assert file.read() == b"there"
    assert seen == [True, False]
