"""Servers that others wrote, and curl's view of them."""

from __future__ import annotations

import subprocess
from collections.abc import Iterable, Iterator
from pathlib import Path

import pytest
from authority import Authority
from http_script import response_of
from programs import need
from web_servers import DOCUMENTS, Site, nginx, python_server

import fildes

#: They tell about the connection or the moment, not about the document.
OF_THE_MOMENT = {"connection", "date", "keep-alive"}

PATHS = (
    "/small.txt",
    "/small.txt?a=b&c",
    "/with%20blank.txt",
    "/empty",
    "/large.bin",
    "/chunked/small.txt",
    "/chunked/large.bin",
    "/chunked/empty",
    "/until-close/large.bin",
    "/until-close/small.txt",
    "/gzip/small.txt",
    "/directory",
    "/directory/",
    "/301/",
    "/302/",
    "/307/",
    "/308/",
    "/nothing/",
    "/missing",
    "/forbidden/",
    "/unavailable/",
    "/private/small.txt",
)


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory, tls_ca: Authority) -> Iterator[Site]:
    with nginx(tmp_path_factory.mktemp("nginx"), tls_ca) as site:
        yield site


@pytest.fixture(scope="module")
def python_site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with python_server(tmp_path_factory.mktemp("python")) as address:
        yield address


View = tuple[int, list[tuple[str, str]], bytes]


def seen_by_curl(address: str, directory: Path, *options: str) -> View:
    """Return status, fields and body of the final response."""
    head, body = directory / "head", directory / "body"
    words = ["--silent", "--location", "--dump-header", str(head), "--output", str(body), *options]
    body.touch()  # curl writes no file for an empty body
    subprocess.run([need("curl"), *words, address], check=True)
    lines = head.read_bytes().decode("latin-1").rstrip("\r\n").split("\r\n\r\n")[-1].split("\r\n")
    fields = [tuple(line.split(": ", 1)) for line in lines[1:]]
    return int(lines[0].split(" ")[1]), lasting(fields), body.read_bytes()  # type: ignore[arg-type]  # pairs


def seen_by_us(address: str, **options: dict[str, str]) -> View:
    """Return the same as we see it; of an error without the body."""
    for scheme in ("http", "https"):  # a document asked for in parts has another status
        options[scheme] = {"hint": "sequential", **options.get(scheme, {})}
    try:
        with fildes.open(address, **options) as file:  # type: ignore[call-overload]  # schemes only
            response = response_of(file)
            return response.status, lasting(response.headers.fields), file.read()
    except OSError as error:
        return error.status, lasting(error.headers.fields), b""  # type: ignore[attr-defined]  # set by us


def lasting(fields: Iterable[tuple[str, str]]) -> list[tuple[str, str]]:
    return [(name, value) for name, value in fields if name.lower() not in OF_THE_MOMENT]


def assert_same(ours: View, curls: View) -> None:
    """Compare two views; curl also returns the page that says what went wrong."""
    assert ours[:2] == curls[:2]
    if curls[0] < 300:
        assert ours[2] == curls[2]


@pytest.mark.parametrize("path", PATHS)
def test_nginx_as_curl_sees_it(site: Site, path: str, tmp_path: Path) -> None:
    """Status, fields and every byte from nginx are what curl gets."""
    address = site.plain + path
    assert_same(seen_by_us(address), seen_by_curl(address, tmp_path))


@pytest.mark.parametrize("path", PATHS)
def test_nginx_under_tls_as_curl_sees_it(
    site: Site, path: str, tmp_path: Path, tls_ca: Authority
) -> None:
    """Under TLS too; where curl would leave TLS, we refuse."""
    address, ca = site.secure + path, str(tls_ca.ca_file)
    if path == "/302/":
        with pytest.raises(PermissionError, match="lose TLS"):
            fildes.open(address, https={"ca": ca})
        return
    assert_same(
        seen_by_us(address, https={"ca": ca}), seen_by_curl(address, tmp_path, "--cacert", ca)
    )


@pytest.mark.parametrize("path", [path for path in PATHS if path != "/302/"])
def test_nginx_on_a_unix_socket_as_curl_sees_it(site: Site, path: str, tmp_path: Path) -> None:
    """A server on a unix socket answers like any other."""
    curls = seen_by_curl(
        f"http://localhost{path}", tmp_path, "--unix-socket", site.unix.removeprefix("unix://")
    )
    assert_same(seen_by_us(f"http://localhost{path}::{site.unix}"), curls)


@pytest.mark.parametrize("path", ["/small.txt", "/large.bin", "/directory", "/missing", "/empty"])
def test_python_server_as_curl_sees_it(python_site: str, path: str, tmp_path: Path) -> None:
    """The server of Python's library, which speaks HTTP/1.0, is read like any other."""
    address = python_site + path
    assert_same(seen_by_us(address), seen_by_curl(address, tmp_path))


def test_password_opens(site: Site) -> None:
    """The user in the address is let in by nginx."""
    address = site.plain.replace("//", "//me:p%40ss%20word@") + "/private/small.txt"
    with fildes.open(address) as file:
        assert file.read() == DOCUMENTS["small.txt"]


def test_wrong_password_says_what_to_do(site: Site) -> None:
    """Without the right user the error says how to give one."""
    with pytest.raises(PermissionError) as caught:
        fildes.open(site.plain.replace("//", "//me:wrong@") + "/private/small.txt")
    failure = fildes.failure_of(caught.value)
    assert failure is not None
    assert "user" in failure.advice


def test_http_leads_to_https(site: Site, tls_ca: Authority) -> None:
    """A redirect to https is followed, and its certificate verified."""
    with fildes.open(f"{site.plain}/to-tls/", tls={"ca": str(tls_ca.ca_file)}) as file:
        assert file.read() == DOCUMENTS["small.txt"]
        assert file.tls is not None
        assert file.tls.version == "TLSv1.3"
    with pytest.raises(OSError, match="CERTIFICATE_VERIFY_FAILED"):
        fildes.open(f"{site.plain}/to-tls/")


def test_circle_of_nginx(site: Site) -> None:
    """A server that leads in a circle is found out at once."""
    with pytest.raises(OSError, match="circle"):
        fildes.open(f"{site.plain}/again/")


def test_large_document_through_cat(site: Site, tls_ca: Authority) -> None:
    """A program that reads the descriptor gets every byte, plain and under TLS."""
    ca = {"ca": str(tls_ca.ca_file)}
    for address in (f"{site.plain}/chunked/large.bin", f"{site.secure}/large.bin"):
        with fildes.open(address, https=ca) as file:
            done = subprocess.run(["cat"], stdin=file, capture_output=True, check=True)
        assert done.stdout == DOCUMENTS["large.bin"]
