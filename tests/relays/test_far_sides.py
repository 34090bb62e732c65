"""Far sides that take more than a connect(2): documents, under TLS, over unix sockets."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from authority import Authority
from relay_commands import connect, relay_running
from relay_ends import recv_all
from web_servers import DOCUMENTS, Site, nginx

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory, tls_ca: Authority) -> Iterator[Site]:
    with nginx(tmp_path_factory.mktemp("nginx"), tls_ca) as site:
        yield site


@pytest.mark.parametrize("how", ["plain", "secure", "unix"])
def test_each_client_gets_the_document(site: Site, tls_ca: Authority, how: str) -> None:
    """A listener in front of a web document: whoever connects reads it, whole, several at once."""
    address = {
        "plain": f"{site.plain}/large.bin",
        "secure": f"{site.secure}/large.bin",
        "unix": f"http://localhost/large.bin::{site.unix}",
    }[how]
    argv = ["--ca", str(tls_ca.ca_file), "tcp-listen://127.0.0.1:0", address]
    with relay_running(*argv) as running:
        socks = [connect(running) for _ in range(3)]
        for sock in socks:
            with sock:
                assert recv_all(sock) == DOCUMENTS["large.bin"]
        running.process.terminate()
        assert running.wait() == 0


def test_missing_document_is_no_empty_one(site: Site) -> None:
    """A status that is an error resets the client, who sees no end of file."""
    with relay_running("tcp-listen://127.0.0.1:0", f"{site.plain}/nothing") as running:
        with pytest.raises(ConnectionResetError), connect(running) as sock:
            recv_all(sock)
        assert b"404" in running.err.readline()
