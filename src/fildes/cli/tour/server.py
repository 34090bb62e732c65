"""The servers inside the tour: http and https on loopback, with a page and a picture."""

from __future__ import annotations

import base64
import contextlib
import ssl
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, NamedTuple

#: The authority that vouches for localhost, and what proves to be localhost.
CA_FILE = Path(__file__).with_name("ca.pem")
IDENTITY_FILE = Path(__file__).with_name("localhost.pem")

PAGE = """\
<!doctype html>
<html lang="en">
<title>What a descriptor can be</title>
<h1>What a descriptor can be</h1>
<p>A picture lies in this page, as text:</p>
<img alt="fildes" src="data:image/png;base64,{picture}">
<p>Sockets receive the page. It is then up to us to extract the picture.</p>
</html>
"""


class Site(NamedTuple):
    """What the servers serve, and where."""

    http: str
    https: str
    page: bytes
    picture: bytes


class Resource(NamedTuple):
    """What one path holds."""

    media_type: str
    body: bytes
    announced: int  #: the Content-Length, which is a lie for what is cut


def page_with(picture: bytes) -> bytes:
    """Return the page, in which *picture* lies as a ``data:`` URI (RFC 2397)."""
    return PAGE.format(picture=base64.b64encode(picture).decode()).encode()


@contextlib.contextmanager
def serve(picture: bytes) -> Iterator[Site]:
    """Run both servers on ports of the kernel's choice as long as the body lasts."""
    page = page_with(picture)
    resources = {
        "/page": Resource("text/html; charset=utf-8", page, len(page)),
        "/fildes.png": Resource("image/png", picture, len(picture)),
        "/cut.png": Resource("image/png", picture[: len(picture) // 2], len(picture)),
    }
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(IDENTITY_FILE)
    with contextlib.ExitStack() as servers:
        plain = servers.enter_context(running(resources, None))
        private = servers.enter_context(running(resources, context))
        yield Site(f"http://localhost:{plain}", f"https://localhost:{private}", page, picture)


@contextlib.contextmanager
def running(resources: dict[str, Resource], context: ssl.SSLContext | None) -> Iterator[int]:
    """Run one server, over TLS if there is a *context*, and yield its port."""

    class Handler(TourHandler):
        served = resources

    with Server(("127.0.0.1", 0), Handler) as server:
        if context is not None:
            # The handshake is left to the first read, which is in a thread of its own.
            server.socket = context.wrap_socket(
                server.socket, server_side=True, do_handshake_on_connect=False
            )
        thread = threading.Thread(target=server.serve_forever, args=(0.05,), name="fildes-tour")
        thread.start()
        try:
            yield int(server.server_address[1])
        finally:
            server.shutdown()
            thread.join()


class Server(ThreadingHTTPServer):
    """A server whose threads are waited for, and which keeps failures to itself."""

    daemon_threads = False

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Say nothing: who cut the connection is our own client, and reports it."""


class TourHandler(BaseHTTPRequestHandler):
    """Answer GET with what the path holds."""

    served: dict[str, Resource]

    def do_GET(self) -> None:
        """Send the resource, or 404."""
        resource = self.served.get(self.path)
        if resource is None:
            self.send_error(404)
            return
        self.send_response(200)
        self.send_header("Content-Type", resource.media_type)
        self.send_header("Content-Length", str(resource.announced))
        self.end_headers()
        self.wfile.write(resource.body)

    def log_message(self, format: str, *args: Any) -> None:
        """Say nothing: the tour shows what happens from the other side."""
