"""Cookies, for who gives a jar."""

from __future__ import annotations

from http.cookiejar import CookieJar

import pytest
from http_script import answering, document, fields_of, redirect
from peers import StartPeer
from upload_script import taking

import fildes

SETTING = document(b"x", b"Set-Cookie: id=canary; Path=/\r\nSet-Cookie: b=2; Path=/b\r\n")


def cookies_of(request: bytes) -> list[str]:
    return fields_of(request).get("cookie", [])


def test_cookies_come_back(peer: StartPeer) -> None:
    """An Opener with a jar sends back what the server has set, where it belongs."""
    server = peer(answering(SETTING), answering(document()), answering(document()))
    jar = CookieJar()
    with fildes.Opener(http={"cookies": jar}) as opener:
        for path in ("/", "/a", "/b"):
            with opener.open(server.address("http", path)) as file:
                file.read()
    sent = [cookies_of(bytes(talk.received)) for talk in server.conversations]
    assert sent[:2] == [[], ["id=canary"]]
    assert sorted(sent[2][0].split("; ")) == ["b=2", "id=canary"]
    assert {cookie.name for cookie in jar} == {"id", "b"}


def test_no_jar_no_cookies(peer: StartPeer) -> None:
    """Without a jar nothing is kept."""
    server = peer(answering(SETTING), answering(document()))
    with fildes.Opener() as opener:
        for _ in range(2):
            with opener.open(server.address("http", "/")) as file:
                file.read()
    assert cookies_of(bytes(server.conversations[1].received)) == []


def test_cookies_and_redirects(peer: StartPeer) -> None:
    """A redirect may set a cookie, which another host does not get."""
    moved = redirect(b"/y").replace(b"Location", b"Set-Cookie: id=canary; Path=/\r\nLocation", 1)
    other = peer(answering(document()))
    away = redirect(f"http://localhost:{other.port}/z".encode())
    server = peer(answering(moved), answering(away))
    with fildes.open(server.address("http", "/x"), http={"cookies": CookieJar()}):
        pass
    assert cookies_of(bytes(server.conversations[1].received)) == ["id=canary"]
    assert cookies_of(other.received) == []


def test_cookies_of_an_error(peer: StartPeer) -> None:
    """An answer that is an error may set a cookie too."""
    answer = b"HTTP/1.1 403 No\r\nSet-Cookie: id=1\r\nContent-Length: 0\r\n\r\n"
    jar = CookieJar()
    with pytest.raises(PermissionError):
        fildes.open(peer(answering(answer)).address("http", "/"), http={"cookies": jar})
    assert [cookie.value for cookie in jar] == ["1"]


def test_cookies_when_writing(peer: StartPeer) -> None:
    """A document that is put takes cookies along and brings some."""
    answer = b"HTTP/1.1 201 Created\r\nSet-Cookie: put=yes\r\nContent-Length: 0\r\n\r\n"
    server = peer(answering(SETTING), taking(answer))
    jar = CookieJar()
    with fildes.open(server.address("http", "/"), http={"cookies": jar}) as file:
        file.read()
    with fildes.open(server.address("http", "/a"), "wb", http={"cookies": jar}):
        pass
    assert cookies_of(bytes(server.conversations[1].received)) == ["id=canary"]
    assert {cookie.name for cookie in jar} == {"id", "b", "put"}


def test_own_cookie_header(peer: StartPeer) -> None:
    """A Cookie header of the caller's is sent as it is."""
    server = peer(answering(SETTING), answering(document()))
    jar = CookieJar()
    with fildes.open(server.address("http", "/"), http={"cookies": jar}) as file:
        file.read()
    options = {"cookies": jar, "headers": {"Cookie": "own=1"}}
    with fildes.open(server.address("http", "/"), http=options):
        pass
    assert cookies_of(bytes(server.conversations[1].received)) == ["own=1"]


def test_secure_cookies_stay_secure(peer: StartPeer) -> None:
    """A cookie for secure connections is not sent over a plain one."""
    server = peer(answering(document(b"", b"Set-Cookie: id=1; Secure\r\n")), answering(document()))
    jar = CookieJar()
    for _ in range(2):
        with fildes.open(server.address("http", "/"), http={"cookies": jar}):
            pass
    assert cookies_of(bytes(server.conversations[1].received)) == []


def test_no_jar_at_all() -> None:
    """What is no jar is refused before anything is opened."""
    with pytest.raises(TypeError, match="CookieJar"):
        fildes.open("http://127.0.0.1:9/", http={"cookies": {"a": "b"}})
