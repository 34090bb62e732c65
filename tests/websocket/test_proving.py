"""ws addresses: who we are, as for http; to the server that was chosen."""

from __future__ import annotations

import hashlib
import re
from http.cookiejar import CookieJar
from pathlib import Path
from typing import Any

import pytest
from authority import Authority
from http_script import END_OF_HEAD, answering, fields_of
from peers import Conversation, StartPeer
from websocket_script import answer, close_frame, key_of, switched

import fildes

CANARY = "canary"
ASKING = (
    b'HTTP/1.1 401 Who\r\nWWW-Authenticate: Basic realm="r"\r\n'
    b'WWW-Authenticate: Digest realm="r", nonce="n1", qop="auth", algorithm=SHA-256\r\n'
    b"Content-Length: 0\r\n\r\n"
)


def hashed(*parts: str) -> str:
    return hashlib.sha256(":".join(parts).encode()).hexdigest()


def as_mufasa(server: Any, path: str = "/x?y") -> str:
    """Return the address of *server* with a user and password."""
    address: str = server.address("ws", path)
    return address.replace("//", f"//Mufasa:{CANARY}@", 1)


def requests_of(server: Any) -> list[dict[str, list[str]]]:
    """Return the fields of each request that *server* got."""
    return [fields_of(bytes(talk.received)) for talk in server.conversations]


def test_digest(peer: StartPeer) -> None:
    """The first request proves nothing; the second answers the challenge, with another key."""
    server = peer(answering(ASKING), switched(close_frame()))
    with fildes.open(as_mufasa(server), ws={"auth": "digest"}) as f:
        assert f.read() == b""
        steps = [step.name for step in f.trace]
        assert CANARY not in f"{f!r} {f.trace}"
    assert steps == ["connect", "request", "response"] * 2
    first, second = requests_of(server)
    assert "authorization" not in first
    assert first["sec-websocket-key"] != second["sec-websocket-key"]
    said = dict(re.findall(r'([a-z]+)="?([^",]*)"?', second["authorization"][0]))
    secret, method = hashed("Mufasa", "r", CANARY), hashed("GET", "/x?y")
    assert said["response"] == hashed(secret, "n1", said["nc"], said["cnonce"], "auth", method)
    assert (said["username"], said["uri"], said["nc"]) == ("Mufasa", "/x?y", "00000001")


def test_digest_with_the_wrong_password(peer: StartPeer) -> None:
    """The same challenge again means that the password is wrong: it is an error."""
    server = peer(answering(ASKING), answering(ASKING))
    with pytest.raises(PermissionError, match="401") as caught:
        fildes.open(as_mufasa(server), ws={"auth": "digest"})
    assert CANARY not in str(caught.value)


@pytest.mark.parametrize("fails", [b"HTTP/1.1 500 No\r\nContent-Length: 0\r\n\r\n", b"", ASKING])
def test_only_challenges_are_answered(peer: StartPeer, fails: bytes) -> None:
    """With basic, or after another failure, there is no second request."""
    how = "basic" if fails is ASKING else "digest"
    server = peer(answering(fails))
    with pytest.raises(OSError):
        fildes.open(as_mufasa(server), ws={"auth": how})
    assert len(server.conversations) == 1


def test_netrc(peer: StartPeer, tmp_path: Path) -> None:
    """User and password of exactly this host stand in a netrc file."""
    file = tmp_path / "netrc"
    server = peer(switched(close_frame()), switched(close_frame()))
    for host, sent in ((server.host, ["Basic bWU6cGFzcw=="]), ("other.example", None)):
        file.write_text(f"machine {host} login me password pass\n")
        file.chmod(0o600)
        with fildes.open(server.address("ws"), ws={"netrc": str(file)}) as f:
            f.read()
        assert requests_of(server)[-1].get("authorization") == sent


def test_cookies_come_back(peer: StartPeer) -> None:
    """A jar gets what an answer sets, an error's too, and gives it where it belongs."""

    def setting(talk: Conversation) -> None:
        key = key_of(talk.recv_until(END_OF_HEAD))
        talk.send(answer(key, b"Set-Cookie: b=2; Path=/b\r\n") + close_frame())

    refusing = b"HTTP/1.1 403 No\r\nSet-Cookie: id=canary; Path=/\r\nContent-Length: 0\r\n\r\n"
    server = peer(answering(refusing), setting, switched(close_frame()))
    jar = CookieJar()
    with pytest.raises(PermissionError):
        fildes.open(server.address("ws"), ws={"cookies": jar})
    for path in ("/", "/b"):
        with fildes.open(server.address("ws", path), ws={"cookies": jar}) as f:
            f.read()
    sent = [request.get("cookie", []) for request in requests_of(server)]
    assert sent[:2] == [[], ["id=canary"]]
    assert sorted(sent[2][0].split("; ")) == ["b=2", "id=canary"]


def test_cookies_of_http_are_those_of_ws(peer: StartPeer, tls_ca: Authority) -> None:
    """Who has logged in at a site opens its WebSocket; a Secure cookie only under TLS."""
    login = (
        b"HTTP/1.1 200 OK\r\nSet-Cookie: id=1; Path=/; Secure\r\nSet-Cookie: a=2\r\n"
        b"Content-Length: 0\r\n\r\n"
    )
    jar, ca = CookieJar(), tls_ca.ca_file
    secure = peer(answering(login), switched(close_frame()), tls=tls_ca.server_context())
    plain = peer(switched(close_frame()))
    with fildes.open(f"https://localhost:{secure.port}/", https={"cookies": jar, "ca": ca}) as f:
        f.read()
    with fildes.open(f"wss://localhost:{secure.port}/", wss={"cookies": jar, "ca": ca}) as f:
        f.read()
    with fildes.open(f"ws://localhost:{plain.port}/::{plain.address()}", ws={"cookies": jar}) as f:
        f.read()
    assert sorted(requests_of(secure)[1]["cookie"][0].split("; ")) == ["a=2", "id=1"]
    assert requests_of(plain)[0]["cookie"] == ["a=2"]


@pytest.mark.parametrize(
    "options",
    [{"auth": "digest"}, {"auth": "no"}, {"netrc": "/nonexistent"}, {"cookies": "id=1"}],
)
def test_what_proves_nothing_is_refused_here(options: dict[str, Any]) -> None:
    """Digest without a user, a netrc file that is missing, what is no jar: before any step."""
    with pytest.raises((ValueError, TypeError, FileNotFoundError)):
        fildes.open("ws://127.0.0.1:9/", ws=options)
