"""A redirect leads to another document, never to anything else."""

from __future__ import annotations

import errno
import socket
from pathlib import Path

import pytest
from http_script import answering, document, fields_of, redirect, response_of
from peers import ScriptedPeer, StartPeer

import fildes


def followed(peer: StartPeer, location: str, status: int = 302) -> tuple[ScriptedPeer, str]:
    """Open /a/b?q, answered by a redirect to *location*; return the server and where it led."""
    server = peer(answering(redirect(location.encode(), status)), answering(document(b"there")))
    with fildes.open(server.address("http", "/a/b?q")) as file:
        assert file.read() == b"there"
        return server, response_of(file).address.removeprefix(server.address("http"))


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_redirect_is_followed(peer: StartPeer, status: int) -> None:
    """Each status that says where the document is leads there."""
    server, path = followed(peer, "/c", status)
    assert path == "/c"
    assert server.conversations[1].received.startswith(b"GET /c HTTP/1.1\r\n")


REFERENCES = {
    "c": "/a/c",
    "./c": "/a/c",
    "../c": "/c",
    "../../../c": "/c",
    "/c?x=1": "/c?x=1",
    "?x": "/a/b?x",
    "#there": "/a/b?q",  # in a circle, see below
    "c#there": "/a/c",
    "/c d": "/c%20d",
    "/é": "/%C3%A9",
    "/c[0]?a[]=1": "/c%5B0%5D?a%5B%5D=1",
    '/{"|"}': "/%7B%22%7C%22%7D",
    "/c::exec:id": "/c%3A%3Aexec:id",
    "?a::b": "/a/b?a%3A%3Ab",
}


@pytest.mark.parametrize("location", [text for text in REFERENCES if text != "#there"])
def test_reference_is_resolved(peer: StartPeer, location: str) -> None:
    """A relative reference is resolved by RFC 3986, and never read as layers."""
    assert followed(peer, location)[1] == REFERENCES[location]


def test_layers_in_a_reference_are_sent_as_written(peer: StartPeer) -> None:
    """What a server writes into a path it gets back as it is."""
    server, _ = followed(peer, "/c::exec:id")
    assert server.conversations[1].received.startswith(b"GET /c::exec:id HTTP/1.1\r\n")


def test_reference_without_scheme(peer: StartPeer) -> None:
    """A reference that names a host and no scheme leads to that host."""
    other = peer(answering(document(b"there")))
    server = peer(answering(redirect(f"//127.0.0.1:{other.port}/c".encode())))
    with fildes.open(server.address("http", "/")) as file:
        assert file.read() == b"there"
        assert response_of(file).address == other.address("http", "/c")


ELSEWHERE = (
    "file:///etc/passwd",
    "unix:///run/docker.sock",
    "fd:0",
    "exec:id",
    "ftp://127.0.0.1/",
    "javascript:alert(1)",
    "data:,x",
    "tcp://127.0.0.1:7",
    "png::http://127.0.0.1/",
    "stdio:",
    "FILE:///etc/passwd",
)


@pytest.mark.parametrize("location", ELSEWHERE)
def test_redirect_stays_in_http(peer: StartPeer, location: str) -> None:
    """A redirect to anything but http and https is refused."""
    server = peer(answering(redirect(location.encode())))
    with pytest.raises(PermissionError, match="neither http nor https") as caught:
        fildes.open(server.address("http", "/"))
    failure = fildes.failure_of(caught.value)
    assert failure is not None
    assert failure.step == "response"


NOWHERE = (
    "",
    "http:",
    "http://",
    "http:///path",
    "http:path",
    "http://a@127.0.0.1/",
    "http://a:b@127.0.0.1/",
    "http://a@b@127.0.0.1/",
    "http://127.0.0.1\\@evil.example/",
    "http://127.1/",
    "http://127.0.0.1:0/",
    "http://127.0.0.1:99999/",
    "http://127.0.0.1:80:90/",
    "http://127.0.0.1::exec:id/",
    "http://::1/",
    "http://exa mple.com/",
    "http://é%2f.com/",
    "/%00",
    "/%zz",
    "/a\\b",
    "/a\tb",
)


@pytest.mark.parametrize("location", NOWHERE)
def test_redirect_to_no_address_is_refused(peer: StartPeer, location: str) -> None:
    """A redirect that could be read in two ways, or in none, is refused."""
    server = peer(answering(redirect(location.encode())))
    with pytest.raises(fildes.ProtocolError):
        fildes.open(server.address("http", "/"))


@pytest.mark.parametrize("fields", [b"", b"Location: /a\r\nLocation: /b\r\n"])
def test_redirect_has_one_location(peer: StartPeer, fields: bytes) -> None:
    """A redirect to nowhere, or to two places, is refused."""
    server = peer(answering(b"HTTP/1.1 302 Found\r\nContent-Length: 0\r\n" + fields + b"\r\n"))
    with pytest.raises(fildes.ProtocolError, match="one Location"):
        fildes.open(server.address("http", "/"))


@pytest.mark.parametrize("location", ["/a/b?q", "#there", "?q"])
def test_circle_is_an_error(peer: StartPeer, location: str) -> None:
    """A redirect to where we have been is an error at once."""
    server = peer(answering(redirect(location.encode())))
    with pytest.raises(OSError, match="in a circle") as caught:
        fildes.open(server.address("http", "/a/b?q"))
    assert caught.value.errno == errno.ELOOP


@pytest.mark.parametrize(("options", "most"), [({}, 10), ({"max_redirects": 2}, 2)])
def test_redirects_are_counted(peer: StartPeer, options: dict[str, int], most: int) -> None:
    """Ten redirects are followed and no more, or as many as the caller says."""
    hops = [answering(redirect(b"/%d" % hop)) for hop in range(most + 1)]
    server = peer(*hops)
    with pytest.raises(OSError, match=f"more than {most} redirects") as caught:
        fildes.open(server.address("http", "/"), http=options)
    assert caught.value.errno == errno.ELOOP
    assert f"fildes: redirected to {server.address('http', f'/{most - 1}')}" in notes(caught.value)


def notes(error: BaseException) -> list[str]:
    return getattr(error, "__notes__", [])


def test_no_redirect_at_all(peer: StartPeer) -> None:
    """With no redirects allowed the first one is an error."""
    server = peer(answering(redirect(b"/c")))
    with pytest.raises(OSError, match="more than 0 redirects"):
        fildes.open(server.address("http", "/"), http={"max_redirects": 0})


def test_every_hop_is_recorded(peer: StartPeer) -> None:
    """The trace shows the steps of each hop and where it led."""
    server = peer(answering(redirect(b"/c?token=secret")), answering(document()))
    with fildes.open(server.address("http", "/")) as file:
        steps = [(step.name, step.detail) for step in file.trace]
    there = server.address("http", "/c?token=***")
    assert steps == [
        ("connect", f"127.0.0.1:{server.port}"),
        ("request", f"GET {server.address('http', '/')}"),
        ("response", f"302 Moved, 0 bytes, to {there}"),
        ("connect", f"127.0.0.1:{server.port}"),
        ("request", f"GET {there}"),
        ("response", "200 OK, 8 bytes"),
    ]


def test_policy_holds_at_every_hop(peer: StartPeer) -> None:
    """A redirect into a network that the policy denies is refused before it is connected to."""
    policy = fildes.Policy("test", any_scheme=True, any_network=True, deny_networks=["127.0.0.2"])
    server = peer(answering(redirect(b"http://127.0.0.2:9/")))
    with pytest.raises(fildes.PolicyError) as caught:
        fildes.open(server.address("http", "/"), policy=policy)
    assert "fildes: redirected to http://127.0.0.2:9/" in notes(caught.value)


PRIVATE = (
    "127.0.0.2",
    "localhost.localdomain",
    "10.0.0.1",
    "169.254.169.254",
    "0.0.0.0",
    "[::1]",
    "[::ffff:127.0.0.2]",
    "[64:ff9b::7f00:2]",
)


@pytest.mark.parametrize("host", PRIVATE)
def test_redirect_into_a_private_network(
    peer: StartPeer, monkeypatch: pytest.MonkeyPatch, host: str
) -> None:
    """No redirect leads to where an address from elsewhere could not, by name or by number."""
    found = [(socket.AF_INET, socket.SOCK_STREAM, 6, "", ("127.0.0.3", 9))]
    monkeypatch.setattr(socket, "getaddrinfo", lambda *_: found)
    server = peer(answering(redirect(f"http://{host}:9/".encode())))
    policy = fildes.Policy("test", allow_networks=["127.0.0.1/32"])
    with pytest.raises(fildes.PolicyError, match="not on the public network"):
        fildes.open(server.address("http", "/"), policy=policy)


def test_policy_holds_for_schemes_at_every_hop(peer: StartPeer) -> None:
    """A redirect to a scheme that the policy does not allow is refused."""

    class OnlyHttp(fildes.Policy):
        def check_scheme(self, address: fildes.Address, scheme: object) -> None:
            if address.scheme != "http":
                raise fildes.PolicyError("only http")

    server = peer(answering(redirect(b"https://127.0.0.1:9/")))
    with pytest.raises(fildes.PolicyError):
        fildes.open(server.address("http", "/"), policy=OnlyHttp("http", any_network=True))


def test_carrier_reaches_its_own_server_only(peer: StartPeer) -> None:
    """What a named carrier leads to is not taken for another server."""
    server = peer(answering(redirect(b"http://other.example/")))
    with pytest.raises(PermissionError, match="cannot reach"):
        fildes.open(f"http://localhost/::{server.address()}")


def test_redirect_over_a_unix_socket(peer: StartPeer, tmp_path: Path) -> None:
    """A redirect that stays with the server is followed over its unix socket."""
    server = peer(answering(redirect(b"/c")), answering(document(b"there")), path=tmp_path / "s")
    with fildes.open(f"http://localhost/::unix://{tmp_path}/s") as file:
        assert file.read() == b"there"
    assert fields_of(server.received)["host"] == ["localhost"]
