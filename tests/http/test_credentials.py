"""Saying who we are: to the server that was chosen, and to no other."""

from __future__ import annotations

import hashlib
import re
from pathlib import Path
from typing import Any

import pytest
from http_script import answering, document, fields_of, redirect
from peers import Conversation, Script, StartPeer
from upload_script import decoded, taking

import fildes

CANARY = "canary"
ASKING = (
    b'HTTP/1.1 401 Who\r\nWWW-Authenticate: Basic realm="r"\r\n'
    b'WWW-Authenticate: Digest realm="r", nonce="%b", qop="auth", algorithm=SHA-256\r\n'
    b"Content-Length: 0\r\n\r\n"
)


def hashed(*parts: str) -> str:
    return hashlib.sha256(":".join(parts).encode()).hexdigest()


def check_proof(head: bytes, nonce: str, uses: int = 1) -> None:
    """Fail unless the request with this *head* proves Mufasa."""
    line, _, _ = head.partition(b"\r\n")
    method, uri = line.decode().split(" ")[:2]
    (field,) = fields_of(head)["authorization"]
    said = dict(re.findall(r'([a-z]+)="?([^",]*)"?', field))
    assert said["username"] == "Mufasa"
    assert (said["uri"], said["nonce"], int(said["nc"], 16)) == (uri, nonce, uses)
    secret = hashed("Mufasa", "r", CANARY)
    expected = hashed(secret, nonce, said["nc"], said["cnonce"], "auth", hashed(method, uri))
    assert said["response"] == expected


def asking(nonce: bytes = b"n1") -> Script:
    return answering(ASKING % nonce)


def opened(server: Any, path: str = "/x?y", **options: Any) -> bytes:
    """Open a document as Mufasa and return it."""
    address = server.address("http", path).replace("//", f"//Mufasa:{CANARY}@", 1)
    with fildes.open(address, http={"auth": "digest", **options}) as file:
        data: bytes = file.read()
        return data


def test_digest(peer: StartPeer) -> None:
    """The first request proves nothing; the second answers the challenge."""
    server = peer(asking(), answering(document(b"there")))
    assert opened(server) == b"there"
    first, second = (bytes(talk.received) for talk in server.conversations)
    assert "authorization" not in fields_of(first)
    check_proof(second, "n1")
    assert CANARY.encode() not in server.received


def test_digest_with_the_wrong_password(peer: StartPeer) -> None:
    """The same challenge again means that the password is wrong: it is an error."""
    server = peer(asking(), asking())
    with pytest.raises(PermissionError, match="401") as caught:
        opened(server)
    assert CANARY not in str(caught.value)


def test_digest_is_asked_twice_at_most(peer: StartPeer) -> None:
    """A server that challenges for ever is left after the second time."""
    server = peer(asking(), asking(b"n2"))
    with pytest.raises(PermissionError, match="401"):
        opened(server)


def test_digest_and_redirects(peer: StartPeer) -> None:
    """The same origin gets an answer for each request, another origin none."""
    other = peer(asking())
    server = peer(
        asking(),
        answering(redirect(b"/y")),
        answering(redirect(other.address("http", "/z").encode())),
    )
    with pytest.raises(PermissionError, match="401"):
        opened(server)
    first, second, third = (bytes(talk.received) for talk in server.conversations)
    assert "authorization" not in fields_of(first)
    check_proof(second, "n1")
    check_proof(third, "n1", 2)
    assert "authorization" not in fields_of(other.received)


def test_digest_and_no_challenge(peer: StartPeer) -> None:
    """A server that asks for Basic only does not get the password."""
    server = peer(answering(b"HTTP/1.1 401 Who\r\nWWW-Authenticate: Basic\r\n\r\n"))
    with pytest.raises(PermissionError, match="401"):
        opened(server)
    assert CANARY.encode() not in server.received


def test_digest_when_writing(peer: StartPeer) -> None:
    """The challenge is answered before the body is sent, so that it is sent once."""

    def inviting(talk: Conversation) -> None:
        talk.recv_until(b"\r\n\r\n")
        talk.send(b"HTTP/1.1 100 Continue\r\n\r\n")
        talk.recv_until(b"0\r\n\r\n")
        talk.send(b"HTTP/1.1 204 Done\r\n\r\n")

    server = peer(asking(), inviting)
    address = server.address("http", "/x").replace("//", f"//Mufasa:{CANARY}@", 1)
    with fildes.open(address, "wb", http={"auth": "digest"}) as file:
        file.write(b"document")
    second = bytes(server.conversations[1].received)
    check_proof(second, "n1")
    assert decoded(second) == b"document"


@pytest.mark.parametrize("options", [{"auth": "digest"}, {"auth": "ntlm"}])
def test_digest_without_a_user(options: dict[str, str]) -> None:
    """Digest needs a user, and another word is none; nothing is opened."""
    with pytest.raises(ValueError, match="auth"):
        fildes.open("http://127.0.0.1:9/", http=options)


def test_bearer(peer: StartPeer) -> None:
    """A token is shown to the chosen server, not to where it redirects."""
    other = peer(answering(document()))
    server = peer(
        answering(redirect(b"/y")), answering(redirect(other.address("http", "/z").encode()))
    )
    with fildes.open(server.address("http", "/x"), http={"bearer": CANARY}) as file:
        assert CANARY not in repr(file.trace)
    for talk in server.conversations:
        assert fields_of(bytes(talk.received))["authorization"] == [f"Bearer {CANARY}"]
    assert "authorization" not in fields_of(other.received)


def test_bearer_when_writing(peer: StartPeer) -> None:
    """A token goes with a PUT too."""
    server = peer(taking())
    with fildes.open(server.address("http", "/x"), "wb", http={"bearer": CANARY}):
        pass
    assert fields_of(server.received)["authorization"] == [f"Bearer {CANARY}"]


@pytest.mark.parametrize(
    ("user", "options"),
    [
        ("me:pass@", {"bearer": CANARY}),
        ("", {"bearer": CANARY, "headers": {"authorization": "Basic x"}}),
        ("", {"bearer": f"{CANARY}\r\nX: y"}),
    ],
)
def test_two_ways_at_once(user: str, options: dict[str, Any]) -> None:
    """Two ways to say who we are, or a token that is none, are refused; no secret is shown."""
    with pytest.raises(ValueError, match=r"bearer|Authorization") as caught:
        fildes.open(f"http://{user}127.0.0.1:9/", http=options)
    assert CANARY not in str(caught.value)


@pytest.fixture
def netrc(tmp_path: Path) -> Path:
    """Write a netrc file."""
    path = tmp_path / "netrc"
    path.write_text(
        f"machine 127.0.0.1 login me password {CANARY}\n"
        "machine localhost login you password other\n"
        "default login anybody password default\n"
    )
    return path


def test_netrc(peer: StartPeer, netrc: Path) -> None:
    """The file's user and password are for its host, on every request to it."""
    server = peer(answering(document()))
    with fildes.open(server.address("http", "/x"), http={"netrc": str(netrc)}) as file:
        assert CANARY not in repr(file)
    assert fields_of(server.received)["authorization"] == ["Basic bWU6Y2FuYXJ5"]


def test_netrc_and_redirects(peer: StartPeer, netrc: Path) -> None:
    """Where a redirect leads gets no credentials, not even those that the file has for it."""
    other = peer(answering(document()))
    server = peer(answering(redirect(f"http://localhost:{other.port}/".encode())))
    with fildes.open(server.address("http", "/x"), http={"netrc": str(netrc)}):
        pass
    assert "authorization" not in fields_of(other.received)


def test_netrc_is_opt_in(
    peer: StartPeer, netrc: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """~/.netrc is read only when it is asked for, and need not be there."""
    server = peer(*[answering(document())] * 3)
    address = server.address("http", "/x")
    monkeypatch.setenv("HOME", str(tmp_path))
    for text in ("on", "off", "on"):
        with fildes.open(address, http={"netrc": text}):
            pass
        (tmp_path / ".netrc").write_text(netrc.read_text())
        (tmp_path / ".netrc").chmod(0o600)
    proofs = ["authorization" in fields_of(bytes(talk.received)) for talk in server.conversations]
    assert proofs == [False, False, True]


def test_netrc_has_no_default(peer: StartPeer, tmp_path: Path) -> None:
    """The entry for any other host is sent to none: a typing error would reveal it."""
    path = tmp_path / "netrc"
    path.write_text("default login anybody password default\n")
    server = peer(answering(document()))
    with fildes.open(server.address("http", "/x"), http={"netrc": str(path)}):
        pass
    assert "authorization" not in fields_of(server.received)


def test_broken_netrc(tmp_path: Path) -> None:
    """A file that is none is an error that does not repeat what it holds."""
    path = tmp_path / "netrc"
    path.write_text(f"machine h login me passwort {CANARY}\n")
    with pytest.raises(ValueError, match="line 1") as caught:
        fildes.open("http://127.0.0.1:9/", http={"netrc": str(path)})
    assert CANARY not in str(caught.value)
    with pytest.raises(FileNotFoundError):
        fildes.open("http://127.0.0.1:9/", http={"netrc": str(tmp_path / "none")})
