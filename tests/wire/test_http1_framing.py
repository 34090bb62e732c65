"""Where the body of an HTTP/1.1 response ends."""

from __future__ import annotations

import pytest

from fildes.errors import ProtocolError
from fildes.wire.http1 import ResponseHead
from fildes.wire.http1_framing import Chunked, Framing, Length, NoBody, UntilClose, framing_of

CL = "Content-Length"
TE = "Transfer-Encoding"


def head(*fields: tuple[str, str], status: int = 200, minor: int = 1) -> ResponseHead:
    """Return a head with *fields*."""
    return ResponseHead(status, "", (1, minor), fields)


@pytest.mark.parametrize(
    ("fields", "framing"),
    [
        ([], UntilClose()),
        ([(CL, "0")], Length(0)),
        ([(CL, "007")], Length(7)),
        ([("content-LENGTH", "9" * 18)], Length(10**18 - 1)),
        ([(TE, "chunked")], Chunked()),
        ([("transfer-encoding", "Chunked")], Chunked()),
    ],
)
def test_fields_frame_the_body(fields: list[tuple[str, str]], framing: Framing) -> None:
    """A body is as long as it says, or ends with the connection."""
    assert framing_of(head(*fields), "GET") == framing


@pytest.mark.parametrize("fields", [[(CL, "5")], [(TE, "chunked")], []])
@pytest.mark.parametrize(
    ("method", "status"),
    [("HEAD", 200), ("GET", 204), ("GET", 304), ("GET", 101), ("CONNECT", 200), ("CONNECT", 299)],
)
def test_some_answers_have_no_body(method: str, status: int, fields: list[tuple[str, str]]) -> None:
    """RFC 9112 section 6.3, rules 1 and 2: whatever the fields say."""
    assert framing_of(head(*fields, status=status), method) == NoBody()


def test_a_refused_tunnel_has_a_body() -> None:
    """Only a successful answer to CONNECT is followed by the tunnel."""
    assert framing_of(head((CL, "5"), status=403), "CONNECT") == Length(5)


def test_a_tunnel_ignores_what_the_proxy_says_about_length() -> None:
    """RFC 9112 section 6.3 rule 2: fields that would frame a body are ignored."""
    assert framing_of(head((CL, "5"), (TE, "chunked")), "CONNECT") == NoBody()


@pytest.mark.parametrize("method", ["GET", "HEAD"])
@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ([(CL, "5"), (TE, "chunked")], "both"),
        ([(CL, "5"), (CL, "5")], "more than one"),
        ([(CL, "5"), (CL, "6")], "more than one"),
        *[([(CL, value)], "decimal") for value in ("5, 5", "+5", "-1", "1_0", "0x5", "", "5 5")],
        ([(CL, "٥")], "decimal"),
        ([(CL, "\xb2")], "decimal"),
        ([(CL, "1" * 19)], "decimal"),
        ([(CL, "0" * 30)], "decimal"),
        *[
            ([(TE, value)], "not chunked")
            for value in (
                "xchunked",
                "chunked, chunked",
                "gzip, chunked",
                "gzip",
                "",
                "chunked;q=1",
            )
        ],
        ([(TE, "chunked"), (TE, "chunked")], "not chunked"),
        ([(TE, "gzip"), (TE, "chunked")], "not chunked"),
    ],
)
def test_doubtful_framing_is_refused(
    fields: list[tuple[str, str]], words: str, method: str
) -> None:
    """Two readers could end such a body in two places, so nobody reads it."""
    with pytest.raises(ProtocolError, match=words):
        framing_of(head(*fields), method)


def test_chunks_need_http_1_1() -> None:
    """RFC 9112 section 6.1: a Transfer-Encoding in HTTP/1.0 is faulty framing."""
    with pytest.raises(ProtocolError, match=r"HTTP/1\.0"):
        framing_of(head((TE, "chunked"), minor=0), "GET")


def test_framings_are_values() -> None:
    """Framings can be compared, hashed and shown."""
    assert len({NoBody(), NoBody(), Chunked(), UntilClose(), Length(0), Length(1)}) == 5
    assert [repr(NoBody()), repr(Length(1))] == ["NoBody()", "Length(size=1)"]
