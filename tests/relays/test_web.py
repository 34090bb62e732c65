"""nginx through a relay: curl gets what it gets without, over any HTTP."""

from __future__ import annotations

import hashlib
import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from authority import Authority
from peers import Conversation, StartPeer
from programs import need
from relay_commands import relay_running
from relays_under_test import RelayTo
from web_servers import DOCUMENTS, Site, nginx

pytestmark = pytest.mark.slow

SIZE = 64 << 20  # far more than all the buffers between two programs


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory, tls_ca: Authority) -> Iterator[Site]:
    directory = tmp_path_factory.mktemp("nginx")
    with nginx(directory, tls_ca) as site:
        (directory / "documents" / "huge.bin").write_bytes(os.urandom(1 << 20) * (SIZE >> 20))
        yield site


class Curl:
    """Runs curl for documents below *base*."""

    def __init__(self, base: str, *options: str) -> None:
        self.base = base
        self.argv = [need("curl"), "--silent", "--show-error", "--fail", "--max-time", "50"]
        self.argv += options

    def __call__(self, *names: str, options: tuple[str, ...] = ()) -> bytes:
        urls = [f"{self.base}/{name}" for name in names]
        done = subprocess.run([*self.argv, *options, *urls], capture_output=True, check=False)
        assert not done.returncode, done.stderr.decode()
        return done.stdout


def place(address: str) -> str:
    """Return where the server of *address* listens, as a relay's target."""
    return f"tcp://127.0.0.1:{address.rpartition(':')[2]}"


def http1(site: Site, relay_to: RelayTo, ca: Path) -> Curl:
    return Curl(f"http://localhost:{relay_to(place(site.plain)).port}", "--http1.1")


def http2(site: Site, relay_to: RelayTo, ca: Path) -> Curl:
    port = relay_to(place(site.http2)).port
    return Curl(f"http://localhost:{port}", "--http2-prior-knowledge")


def https(site: Site, relay_to: RelayTo, ca: Path) -> Curl:
    """TLS from end to end; the relay sees nothing, and curl checks whom it talks to."""
    port = relay_to(place(site.http2_secure)).port
    return Curl(f"https://localhost:{port}", "--cacert", str(ca), "--http2")


def over_unix(site: Site, relay_to: RelayTo, ca: Path) -> Curl:
    return Curl(f"http://localhost:{relay_to(site.unix).port}")


#: curl 7.88 fails at the second document that it asks for with prior knowledge of
#: HTTP/2 on one connection, relay or not. Under TLS it can.
many_on_one_connection = pytest.mark.parametrize(
    "relayed", [http1, https, over_unix], indirect=True
)


@pytest.fixture(params=[http1, http2, https, over_unix])
def relayed(
    request: pytest.FixtureRequest, site: Site, relay_to: RelayTo, tls_ca: Authority
) -> Curl:
    curl: Curl = request.param(site, relay_to, tls_ca.ca_file)
    return curl


@pytest.mark.parametrize("name", ["empty", "small.txt", "large.bin", "chunked/large.bin"])
def test_documents(name: str, relayed: Curl) -> None:
    """A document of any size and framing is what it is without the relay."""
    assert relayed(name) == DOCUMENTS[name.rpartition("/")[2]]


@many_on_one_connection
def test_one_connection_for_many(relayed: Curl) -> None:
    """A connection is used again, as without the relay."""
    told = relayed(*["small.txt"] * 20, options=("--write-out", "%{num_connects}\n"))
    body, counts = DOCUMENTS["small.txt"].decode(), [1] + [0] * 19
    assert told.decode() == "".join(f"{body}{count}\n" for count in counts)


@many_on_one_connection
def test_many_at_once(relayed: Curl) -> None:
    """Many documents at once, on many connections or streams, are all complete."""
    parallel = ("--parallel", "--parallel-max", "20")
    got = relayed(*["large.bin"] * 20, options=parallel)
    assert len(got) == 20 * len(DOCUMENTS["large.bin"])


def test_large_download(site: Site, relayed: Curl) -> None:
    """Of many megabytes every one is as it was sent."""
    expected = hashlib.sha256(Curl(site.plain)("huge.bin")).digest()
    assert hashlib.sha256(relayed("huge.bin")).digest() == expected


def test_large_upload(peer: StartPeer, relay_to: RelayTo, tmp_path: Path) -> None:
    """Of many megabytes that go up every one is as it was sent, and the answer comes."""
    data = os.urandom(1 << 20) * (SIZE >> 20)
    (tmp_path / "data").write_bytes(data)
    curl = Curl(f"http://localhost:{relay_to(peer(tell_digest).address()).port}")
    told = curl("x", options=("--upload-file", str(tmp_path / "data"), "--header", "Expect:"))
    assert told.decode() == hashlib.sha256(data).hexdigest()


def tell_digest(talk: Conversation) -> None:
    """Answer an upload with the digest of what came."""
    head = talk.recv_until(b"\r\n\r\n").lower()
    digest, size = hashlib.sha256(), int(head.partition(b"content-length: ")[2].split()[0])
    while size:
        data = talk.recv_some()
        digest.update(data)
        size -= len(data)
    answer = digest.hexdigest().encode()
    talk.send(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%s" % (len(answer), answer))


@pytest.mark.parametrize(
    ("close", "connections"), [((), 20), (("-H", "Connection: close"), 20)], ids=["kept", "closed"]
)
def test_load(close: tuple[str, ...], connections: int, site: Site, relay_to: RelayTo) -> None:
    """A second of load, on connections that stay and on new ones, has no error."""
    words = ["-t", "1", "-c", str(connections), "-d", "1s", *close]
    url = f"http://127.0.0.1:{relay_to(place(site.plain)).port}/small.txt"
    done = subprocess.run([need("wrk"), *words, url], capture_output=True, check=True, text=True)
    assert "Socket errors" not in done.stdout
    assert "Non-2xx" not in done.stdout
    assert "requests in" in done.stdout


def test_line_of_socat(site: Site) -> None:
    """What a socat user would write for a port of nginx serves it as well."""
    port = site.plain.rpartition(":")[2]
    with relay_running("TCP-LISTEN:0,reuseaddr,fork", f"TCP:127.0.0.1:{port}") as relay:
        got = Curl(f"http://127.0.0.1:{relay.port}")("huge.bin")
        assert hashlib.sha256(got).digest() == hashlib.sha256(site_file(site, "huge.bin")).digest()


def site_file(site: Site, name: str) -> bytes:
    return Curl(site.plain)(name)
