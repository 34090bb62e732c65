"""WebSockets with what others wrote at the other end: the websockets library, and nginx."""

from __future__ import annotations

import contextlib
import ssl
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import websockets.sync.client
import websockets.sync.server
from authority import Authority
from programs import free_port, need, serving
from websocket_listeners import echoing, place_of
from websockets.exceptions import ConnectionClosed, InvalidStatus

import fildes

#: More than any buffer on the way holds.
LARGE = bytes(range(256)) * 4096

NGINX = """
daemon off; master_process off; pid {root}/pid; error_log {root}/log;
events {{ }}
http {{
  access_log off;
  client_body_temp_path {root}; proxy_temp_path {root}; fastcgi_temp_path {root};
  uwsgi_temp_path {root}; scgi_temp_path {root};
  server {{
    listen 127.0.0.1:{tls_port} ssl;
    listen 127.0.0.1:{port};  # the last one: it is what is waited for
    ssl_certificate {cert}; ssl_certificate_key {key};
    location / {{
      proxy_pass http://127.0.0.1:{behind}; proxy_http_version 1.1;
      proxy_set_header Upgrade $http_upgrade; proxy_set_header Connection upgrade;
    }}
    location /forbidden {{ return 403; }}
  }}
}}
"""


@contextlib.contextmanager
def serve(handler: Callable[[Any], None], scheme: str = "ws", **options: Any) -> Iterator[str]:
    """Run a server of the websockets library; yield its address."""
    with websockets.sync.server.serve(handler, "127.0.0.1", 0, **options) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            yield f"{scheme}://localhost:{server.socket.getsockname()[1]}/x?y=z"
        finally:
            server.shutdown()
            thread.join()


def echo(connection: Any) -> None:
    """Send each message back, as it came."""
    with contextlib.suppress(ConnectionClosed):
        for message in connection:
            connection.send(message)


@pytest.mark.parametrize("compression", [None, "deflate"])
@pytest.mark.parametrize("kind", ["binary", "text"])
def test_messages_to_a_server(kind: str, compression: str | None) -> None:
    """Messages of both kinds come back as they were, large ones and compressed ones too."""
    options = {"framing": "message", "messages": kind, "deflate": bool(compression)}
    large = "aä€😀".encode() * 50_000 if kind == "text" else LARGE
    with (
        serve(echo, compression=compression, max_size=None) as address,
        fildes.open(address, ws=options) as f,
    ):
        for message in (b"x", b"hello", b"y" * 70_000, large):
            f.write(message)
            assert f.read() == message


@pytest.mark.parametrize("compression", [None, "deflate"])
def test_bytes_to_a_server(compression: str | None) -> None:
    """Bytes come back in their order, while both directions move."""
    with (
        serve(echo, compression=compression) as address,
        fildes.open(address, ws={"deflate": bool(compression)}) as f,
    ):
        writer = threading.Thread(target=f.write, args=(LARGE,))
        writer.start()
        assert f.read(len(LARGE)) == LARGE
        writer.join()


@pytest.mark.parametrize("compression", [None, "deflate"])
def test_fragments_of_a_server(compression: str | None) -> None:
    """Messages that a server sends in parts, with pings between them, are whole."""

    def parts(connection: Any) -> Iterator[bytes]:
        for number in range(100):
            connection.ping()
            yield b"part %d," % number

    def handler(connection: Any) -> None:
        connection.send(parts(connection))
        connection.send(iter(["te", "xt"]))

    options = {"framing": "message", "deflate": bool(compression)}
    with serve(handler, compression=compression) as address:
        whole = b"".join(b"part %d," % number for number in range(100))
        with fildes.open(address, ws=options) as f:
            assert list(f) == [whole, b"text"]
        with fildes.open(address, ws={"deflate": bool(compression)}) as f:
            assert f.read() == whole + b"text"


@pytest.mark.parametrize(("code", "end"), [(1000, b""), (1001, b""), (1011, None), (4000, None)])
def test_codes_of_a_server(code: int, end: bytes | None) -> None:
    """What a server closes with is the end of file, or an error with its code."""
    with (
        serve(lambda connection: connection.close(code, "why")) as address,
        fildes.open(address) as f,
    ):
        if end is not None:
            assert f.read() == end
            return
        with pytest.raises(OSError, match=f"{code} 'why'"):
            f.read()


def test_server_sees_our_close() -> None:
    """A file that is closed, or that has half-closed, is to a server a Close with 1000."""
    seen: list[Any] = []

    def handler(connection: Any) -> None:
        with contextlib.suppress(ConnectionClosed):
            while connection.recv():
                pass
        seen.append(connection.close_code)

    with serve(handler) as address:
        with fildes.open(address) as f:
            f.write(b"x")
        with fildes.open(address) as f:
            f.half_close()
            assert f.read() == b""
    assert seen == [1000, 1000]


def test_aborted_is_no_close() -> None:
    """A file that is aborted is to a server a connection without a Close."""
    seen: list[Any] = []

    def handler(connection: Any) -> None:
        with pytest.raises(ConnectionClosed) as caught:
            connection.recv()
        seen.append(caught.value.rcvd)

    with serve(handler) as address:
        fildes.open(address).abort()
    assert seen == [None]


def test_status_and_subprotocol_of_a_server() -> None:
    """A server's refusal is its status; a subprotocol is agreed on."""

    def process(connection: Any, request: Any) -> Any:
        return connection.respond(403, "no\n") if "no" in request.path else None

    with serve(echo, process_request=process, subprotocols=["b", "c"]) as address:
        with pytest.raises(PermissionError) as caught:
            fildes.open(address.replace("/x", "/no"))
        assert vars(caught.value)["status"] == 403
        with fildes.open(address, ws={"subprotocol": ["a", "b", "c"]}) as f:
            assert f.subprotocol == "b"


def test_server_that_asks_who_we_are() -> None:
    """Their server lets in who says user and password, and nobody else."""

    def process(connection: Any, request: Any) -> Any:
        known = request.headers.get("Authorization") == "Basic bWU6cGFzcw=="
        return None if known else connection.respond(401, "who\n")

    with serve(echo, process_request=process) as address:
        with fildes.open(address.replace("//", "//me:pass@"), ws={"framing": "message"}) as f:
            f.write(b"hello")
            assert f.read() == b"hello"
        for wrong in (address, address.replace("//", "//me:other@")):
            with pytest.raises(PermissionError, match="401"):
                fildes.open(wrong)


def test_server_under_tls(tls_ca: Authority) -> None:
    """wss to their server, verified, and our closing is in order."""
    context = tls_ca.server_context()
    with (
        serve(echo, "wss", ssl=context) as address,
        fildes.open(address, wss={"ca": tls_ca.ca_file, "framing": "message"}) as f,
    ):
        f.write(LARGE)
        assert f.read() == LARGE


def connect(address: str, **options: Any) -> Any:
    """Connect by the websockets library."""
    return websockets.sync.client.connect(address, proxy=None, max_size=None, **options)


@pytest.mark.parametrize("compression", [None, "deflate"])
@pytest.mark.parametrize("kind", ["binary", "text"])
def test_messages_of_a_client(kind: str, compression: str | None) -> None:
    """Their client's messages come back as they were, fragmented ones in whole."""
    options = {"framing": "message", "messages": kind, "deflate": bool(compression)}
    large: Any = "aä€😀" * 4000 if kind == "text" else LARGE[:60_000]
    with (
        echoing("ws://127.0.0.1:0", ws=options) as listener,
        connect(listener.address, compression=compression) as client,
    ):
        for message in (large[:1], large[:200], large):
            client.send(message)
            assert client.recv() == message
        client.send(iter([large[:10], large[10:30]]))
        assert client.recv() == large[:30]
        assert client.ping().wait(20)


def test_client_under_tls(tls_ca: Authority) -> None:
    """Their client accepts our certificate and our end."""
    identity = tls_ca.localhost
    tls = {"cert": identity.cert_file, "key": identity.key_file}
    context = ssl.create_default_context(cafile=tls_ca.ca_file)
    with echoing("wss://localhost:0", wss=tls) as listener:
        with connect(listener.address, ssl=context) as client:
            client.send(b"hello")
            assert client.recv() == b"hello"
        assert client.close_code == 1000


def test_client_is_refused() -> None:
    """Their client is told the status: a wrong path, a page of another origin."""
    with echoing("ws://127.0.0.1:0/chat") as listener:
        for address, options, status in (
            (listener.address.replace("chat", "x"), {}, 404),
            (listener.address, {"origin": "https://evil.example"}, 403),
        ):
            with pytest.raises(InvalidStatus) as caught:
                connect(address, **options)
            assert caught.value.response.status_code == status


@pytest.mark.slow
@pytest.mark.parametrize("scheme", ["ws", "wss"])
def test_nginx_in_front(scheme: str, tmp_path: Path, tls_ca: Authority) -> None:
    """Through nginx, plain and under TLS, our client and our listener meet."""
    program, identity = need("nginx"), tls_ca.localhost
    with echoing("ws://127.0.0.1:0/chat", ws={"framing": "message"}) as listener:
        tls_ports: list[int] = []

        def argv(port: int) -> list[str]:
            tls_ports.append(free_port())
            words = {"root": tmp_path, "port": port, "tls_port": tls_ports[-1]}
            files = {"cert": identity.cert_file, "key": identity.key_file}
            config = NGINX.format(**words, **files, behind=place_of(listener)[1])
            (tmp_path / "nginx.conf").write_text(config)
            return [program, "-c", f"{tmp_path}/nginx.conf", "-e", f"{tmp_path}/log"]

        with serving(argv) as port:
            place = {"ws": f"ws://localhost:{port}", "wss": f"wss://localhost:{tls_ports[-1]}"}
            options: Any = {"framing": "message"}
            if scheme == "wss":
                options["ca"] = tls_ca.ca_file
            with fildes.open(f"{place[scheme]}/chat", **{scheme: options}) as f:
                for message in (b"x", LARGE[:100_000]):
                    f.write(message)
                    assert f.read() == message
                f.half_close()
                assert f.read() == b""
            with pytest.raises(PermissionError):
                fildes.open(f"{place[scheme]}/forbidden", **{scheme: options})
            with pytest.raises(OSError) as caught:
                fildes.open(f"{place[scheme]}/other", **{scheme: options})
            assert vars(caught.value)["status"] == 404
