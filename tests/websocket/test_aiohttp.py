"""WebSockets with aiohttp at the other end, and with nginx before a unix socket."""

from __future__ import annotations

import asyncio
import contextlib
import threading
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from aiohttp import WSMsgType, web
from programs import need, serving
from websocket_listeners import echoing

import fildes
import fildes.aio

LARGE = bytes(range(256)) * 2048


@contextlib.asynccontextmanager
async def serve(handler: Callable[[Any], Awaitable[None]], **options: Any) -> AsyncIterator[str]:
    """Serve WebSockets by aiohttp, each by *handler*; yield the address."""

    async def answer(request: web.Request) -> web.WebSocketResponse:
        socket = web.WebSocketResponse(**options)
        await socket.prepare(request)
        await handler(socket)
        return socket

    application = web.Application()
    application.add_routes([web.get("/x", answer)])
    runner = web.AppRunner(application)
    await runner.setup()
    try:
        site = web.TCPSite(runner, "127.0.0.1", 0)
        await site.start()
        yield f"ws://127.0.0.1:{runner.addresses[0][1]}/x"
    finally:
        await runner.cleanup()


async def echo(socket: Any) -> None:
    """Send each message back, as it came."""
    async for message in socket:
        if message.type == WSMsgType.TEXT:
            await socket.send_str(message.data)
        else:
            await socket.send_bytes(message.data)


@pytest.mark.parametrize("deflate", [False, True])
@pytest.mark.parametrize("kind", ["binary", "text"])
def test_messages_to_a_server(kind: str, deflate: bool) -> None:
    """Messages come back as they were, compressed ones too; the end is in order."""
    options = {"framing": "message", "messages": kind, "deflate": deflate, "subprotocol": ["b"]}
    large = "aä€😀".encode() * 20_000 if kind == "text" else LARGE

    async def main() -> None:
        async with (
            serve(echo, max_msg_size=0, protocols=["a", "b"]) as address,
            await fildes.aio.open(address, ws=options) as f,
        ):
            assert f.subprotocol == "b"
            for message in (b"x", b"y" * 70_000, large):
                await f.write(message)
                assert await f.read() == message
            await f.half_close()
            assert await f.read() == b""

    asyncio.run(main())


@pytest.mark.parametrize(("code", "fails"), [(1000, False), (1001, False), (1011, True)])
def test_codes_of_a_server(code: int, fails: bool) -> None:
    """What their server closes with is the end of file, or an error with its code."""

    async def closes(socket: Any) -> None:
        await socket.send_bytes(b"all")
        await socket.close(code=code, message=b"why")

    async def main() -> None:
        async with serve(closes) as address, await fildes.aio.open(address) as f:
            assert await f.read(3) == b"all"
            if fails:
                with pytest.raises(OSError, match=f"{code} 'why'"):
                    await f.read()
            else:
                assert await f.read() == b""

    asyncio.run(main())


def test_pings_of_ours() -> None:
    """While we wait for a message our pings go out, and their pongs keep the connection."""

    async def answers(socket: Any) -> None:
        for _ in range(3):
            message = await socket.receive()
            assert message.type == WSMsgType.PING
            await socket.pong(message.data)
        await socket.send_bytes(b"still there")
        await socket.close()

    async def main() -> None:
        async with (
            serve(answers, autoping=False) as address,
            await fildes.aio.open(address, ws={"ping": 0.02}) as f,
        ):
            assert await f.read() == b"still there"

    asyncio.run(main())


@pytest.mark.parametrize("compress", [0, 15])
def test_messages_of_a_client(compress: int) -> None:
    """Their client's messages come back as they were; both closings are in order."""

    async def main(address: str) -> None:
        async with (
            aiohttp.ClientSession() as session,
            session.ws_connect(address, compress=compress, max_msg_size=0) as client,
        ):
            for message in (b"x", LARGE):
                await client.send_bytes(message)
                assert await client.receive_bytes() == message
            await client.ping(b"p")
            await client.send_str("zwölf")
            assert await client.receive_bytes() == "zwölf".encode()
            await client.close()
            assert client.close_code == 1000

    options = {"framing": "message", "deflate": bool(compress)}
    with echoing("ws://127.0.0.1:0/x", ws=options) as listener:
        asyncio.run(main(listener.address))


def test_cookies_of_a_client() -> None:
    """What their client says of itself, the one who accepted it reads from its request."""
    seen: list[Any] = []

    async def main(address: str) -> None:
        async with (
            aiohttp.ClientSession(cookies={"id": "1"}) as session,
            session.ws_connect(address, headers={"Authorization": "Bearer t"}) as client,
        ):
            assert (await client.receive()).type == WSMsgType.CLOSE

    def accept() -> None:
        with listener.accept(timeout=20) as f:
            assert f.request is not None
            seen.append(f.request.headers)

    with fildes.listen("ws://127.0.0.1:0/x") as listener:
        thread = threading.Thread(target=accept)
        thread.start()
        asyncio.run(main(listener.address))
        thread.join()
    assert (seen[0]["Cookie"], seen[0]["Authorization"]) == ("id=1", "Bearer t")


NGINX = """
daemon off; master_process off; pid {root}/pid; error_log {root}/log;
events {{ }}
http {{
  access_log off;
  client_body_temp_path {root}; proxy_temp_path {root}; fastcgi_temp_path {root};
  uwsgi_temp_path {root}; scgi_temp_path {root};
  server {{
    listen 127.0.0.1:{port};
    location / {{
      proxy_pass http://unix:{root}/s; proxy_http_version 1.1; proxy_set_header Host $http_host;
      proxy_set_header Upgrade $http_upgrade; proxy_set_header Connection upgrade;
    }}
  }}
}}
"""


@pytest.mark.slow
def test_nginx_before_a_unix_socket(tmp_path: Path) -> None:
    """Behind nginx at a path: their client gets through, and pages of others do not."""
    program = need("nginx")

    def argv(port: int) -> list[str]:
        (tmp_path / "nginx.conf").write_text(NGINX.format(root=tmp_path, port=port))
        return [program, "-c", f"{tmp_path}/nginx.conf", "-e", f"{tmp_path}/log"]

    async def ask(address: str, origin: str) -> Any:
        async with (
            aiohttp.ClientSession() as session,
            session.ws_connect(address, origin=origin) as client,
        ):
            await client.send_bytes(LARGE)
            return await client.receive_bytes()

    place = f"ws-listen:/chat?origin=https://page.example&framing=message::unix-listen:{tmp_path}/s"
    with echoing(place), serving(argv) as port:
        address = f"ws://localhost:{port}/chat"
        for origin in ("https://page.example", f"http://localhost:{port}"):
            assert asyncio.run(ask(address, origin)) == LARGE
        with pytest.raises(aiohttp.WSServerHandshakeError) as caught:
            asyncio.run(ask(address, "https://evil.example"))
        assert caught.value.status == 403
