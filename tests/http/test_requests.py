"""What is sent to a server, and what is refused before anything is."""

from __future__ import annotations

import http.cookiejar
import socket
from typing import Any

import pytest
from counting import Asked, CountingServer, ranged
from http_script import answering, document, fields_of
from peers import StartPeer

import fildes
from fildes.address import parse
from fildes.http.request import Request, host_field
from fildes.opening.registry import find_scheme
from fildes.version import VERSION

CANARY = "canary"
PARTS = bytes(number * 7 % 256 for number in range(1 << 20))


def asked(peer: StartPeer, path: str = "/", user: str = "", **options: Any) -> bytes:
    """Open a document and return the request that the server got."""
    server = peer(answering(document()))
    address = server.address("http", path).replace("//", f"//{user}")
    with fildes.open(address, http=options):
        pass
    return server.received


@pytest.mark.parametrize(
    ("hint", "expected"),
    [("random", b"Range: bytes=0-65535"), ("sequential", b"Connection: close")],
)
def test_request_of_a_document(peer: StartPeer, hint: str, expected: bytes) -> None:
    """The request is a GET that asks for the document as it is, or first for a part of it."""
    server = peer(answering(document()))
    with fildes.open(server.address("http", "/a%20b;c?d=%26&e#f"), http={"hint": hint}):
        pass
    assert server.received == (
        b"GET /a%%20b;c?d=%%26&e HTTP/1.1\r\n"
        b"Host: 127.0.0.1:%d\r\n"
        b"User-Agent: fildes/%s\r\n"
        b"Accept: */*\r\n"
        b"Accept-Encoding: identity\r\n"
        b"%s\r\n"
        b"\r\n"
    ) % (server.port, VERSION.encode(), expected)


@pytest.mark.parametrize(
    ("path", "target"), [("", "/"), ("?", "/?"), ("/?a?b", "/?a?b"), ("//x", "//x")]
)
def test_target(peer: StartPeer, path: str, target: str) -> None:
    """The target is what the address says, a path at least."""
    assert asked(peer, path).startswith(f"GET {target} HTTP/1.1\r\n".encode())


HOSTS = {
    "http://example.com/": "example.com",
    "http://example.com:80/": "example.com",
    "http://example.com:443/": "example.com:443",
    "https://example.com:443/": "example.com",
    "https://example.com:80/": "example.com:80",
    "http://[::1]/": "[::1]",
    "http://[::1]:8080/": "[::1]:8080",
    "http://[fe80::1%25eth0]/": "[fe80::1]",
    "http://straße.de/": "xn--strae-oqa.de",
}


@pytest.mark.parametrize("address", HOSTS)
def test_host_field(address: str) -> None:
    """Host is the host in its canonical form, with the port unless it is the usual one."""
    assert host_field(parse(address, find_scheme)) == HOSTS[address]


@pytest.mark.parametrize(
    ("user", "credentials"),
    [
        ("user:pass@", "dXNlcjpwYXNz"),
        ("user@", "dXNlcjo="),
        ("user:@", "dXNlcjo="),
        ("us%C3%A9r:p%3A%40ss@", "dXPDqXI6cDpAc3M="),
    ],
)
def test_userinfo_is_basic_authorization(peer: StartPeer, user: str, credentials: str) -> None:
    """A user in the address is sent as HTTP Basic authentication, in UTF-8; RFC 7617."""
    assert fields_of(asked(peer, user=user))["authorization"] == [f"Basic {credentials}"]


def test_headers_are_sent(peer: StartPeer) -> None:
    """The caller's headers are sent, each value of a repeated one by itself."""
    headers = {"X-One": "1", "X-Two": ["a", "b"], "Cookie": "c=d; e=f"}
    fields = fields_of(asked(peer, headers=headers))
    assert (fields["x-one"], fields["x-two"]) == (["1"], ["a", "b"])
    assert fields["cookie"] == ["c=d; e=f"]


def test_headers_take_the_place_of_the_usual_ones(peer: StartPeer) -> None:
    """The caller's word on a header counts, in any case."""
    headers = {"HOST": "other", "user-agent": "mine", "Authorization": "Bearer x"}
    fields = fields_of(asked(peer, user="user:pass@", headers=headers))
    assert (fields["host"], fields["user-agent"]) == (["other"], ["mine"])
    assert fields["authorization"] == ["Bearer x"]


REFUSED = (
    {"X-A\r\nX-B": "1"},
    {"X-A": "1\r\nX-B: 2"},
    {"X-A": "1\nX-B: 2"},
    {"X-A": "1\rX-B: 2"},
    {"X-A": "1\0"},
    {"X A": "1"},
    {"": "1"},
    {"X:A": "1"},
    {"X-A": "€"},
    {"Cookie": f"a={CANARY}\r\n"},
    {"X-A": ["1", "2\n"]},
    {"Connection": "keep-alive"},
    {"content-length": "5"},
    {"Transfer-Encoding": "chunked"},
    {"Upgrade": "websocket"},
)


@pytest.mark.parametrize("headers", REFUSED, ids=repr)
def test_headers_cannot_end_the_request(
    monkeypatch: pytest.MonkeyPatch, headers: dict[str, Any]
) -> None:
    """A header that is none, or that could frame the message, is refused before connecting."""
    monkeypatch.delattr(socket, "socket")
    with pytest.raises(ValueError, match=r"HTTP|header") as caught:
        fildes.open("http://127.0.0.1:9/", http={"headers": headers})
    assert CANARY not in str(caught.value)


def test_how_parts_are_asked_for() -> None:
    """By GET, as they are, and without If-Range, to which some servers send the whole."""

    def reply(server: CountingServer, asked: Asked) -> tuple[bytes, bool]:
        sent, closing = ranged(server, asked)
        cut = server.count == 2
        return (sent[:-10] if cut else sent), cut or closing

    with CountingServer(PARTS, reply) as server, fildes.open(server.address()) as file:
        assert file.read_ranges([(900_000, 900_000 + 9), (5, 9)]) == [
            PARTS[900_000 : 900_000 + 9],
            PARTS[5:9],
        ]
        assert file.pread(20_000, 300_000) == PARTS[300_000:320_000]
        assert file.read() == PARTS
        assert server.count > 2
        for asked in server.asked:
            assert asked.head.startswith(b"GET ")
            assert b"\r\naccept-encoding: identity\r\n" in asked.head.lower()
            assert b"if-range" not in asked.head.lower()


def jar(name: str, value: str) -> http.cookiejar.CookieJar:
    """Return a jar with one cookie for 127.0.0.1, as a program may make it."""
    made = http.cookiejar.CookieJar()
    made.set_cookie(
        http.cookiejar.Cookie(
            0, name, value, None, False, "127.0.0.1", False, False, "/", True, False, None, False,
            None, None, {},
        )
    )  # fmt: skip
    return made


@pytest.mark.parametrize("bad", ["\r\nX: y", "\n", "\r", "\0"])
@pytest.mark.parametrize("mode", ["rb", "wb", "r+b"])
def test_no_option_can_end_the_request(
    monkeypatch: pytest.MonkeyPatch, mode: str, bad: str
) -> None:
    """Whatever of a request the caller gives, a line end in it is refused before connecting."""
    monkeypatch.delattr(socket, "socket")
    options: list[dict[str, Any]] = [
        {"bearer": f"t{bad}"},
        {"cookies": jar("a", f"b{bad}")},
        {"cookies": jar(f"a{bad}", "b")},
        {"proxy": f"http://ho{bad}st:80"},
    ]
    if mode == "rb":
        options += [
            {"if_none_match": f'"{bad}"'},
            {"if_modified_since": bad},
            {"range": f"0-{bad}"},
        ]
    else:
        options += [{"method": f"PATCH{bad}"}]
    for each in options:
        with pytest.raises(ValueError):
            fildes.open("http://127.0.0.1:9/", mode, http=each)


@pytest.mark.parametrize("headers", ["X: y", [("X", "y")], {"X": 1}, {"X": b"y"}, {1: "y"}])
def test_headers_are_texts_by_name(monkeypatch: pytest.MonkeyPatch, headers: object) -> None:
    """Anything but a mapping of texts is a mistake in the program."""
    monkeypatch.delattr(socket, "socket")
    with pytest.raises(TypeError):
        fildes.open("http://127.0.0.1:9/", http={"headers": headers})


def test_user_with_colon_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    """A user that Basic authentication would cut in two is refused before connecting."""
    monkeypatch.delattr(socket, "socket")
    with pytest.raises(fildes.AddressError, match="Basic"):
        fildes.open(f"http://us%3Aer:{CANARY}@127.0.0.1:9/")


def test_unknown_option_is_refused() -> None:
    """An option that http does not have is named before anything is opened."""
    with pytest.raises((TypeError, fildes.AddressError), match="headers"):
        fildes.open("http://127.0.0.1:9/", http={"header": {}})


def test_request_hides_its_secrets() -> None:
    """A request that is shown shows neither headers nor password."""
    address = parse(f"http://user:{CANARY}@h/?token={CANARY}", find_scheme)
    shown = repr(Request(address, (("Cookie", CANARY),)))
    assert CANARY not in shown
    assert "h/?token=***" in shown
