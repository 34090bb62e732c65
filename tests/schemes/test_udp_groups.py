"""udp to many: broadcast, multicast groups, and answers from other addresses than was asked.

All of it on loopback: a multicast group is sent to and heard at the interface of 127.0.0.1.
"""

from __future__ import annotations

import io
import select
import socket
import threading
import time
from collections.abc import Iterator
from typing import Any

import pytest
from commands import LIMIT
from datagram_clients import GROUP, HERE, answerer
from datagram_relays import StartServing, start_serving
from loops import LOOPS, RunLoop
from relay_commands import relay

import fildes
import fildes.aio
from fildes.listening import conversation

__all__ = ["start_serving"]  # a fixture


def port_of(address: str | None) -> int:
    assert address is not None
    return int(address.rpartition(":")[2])


@pytest.fixture
def listener() -> Iterator[Any]:
    with fildes.listen(f"udp-listen://{GROUP}:0?{HERE}") as listener:
        yield listener


def asking(listener: Any, options: str = "") -> Any:
    """Open what sends to the group of *listener*, and hears who answers."""
    return fildes.open(f"udp://{GROUP}:{port_of(listener.address)}?{HERE}&others=on{options}")


def heard_by(sock: socket.socket, options: str = "") -> Any:
    """Open what sends to *sock*, and hears others as well."""
    return fildes.open("udp://{}:{}?others=on{}".format(*sock.getsockname(), options))


def test_group_is_answered_from_another_address(listener: Any) -> None:
    """What is sent to a group begins a conversation, and its answers reach who has asked."""
    with asking(listener) as f:
        f.write(b"one")
        f.write(b"two")
        with listener.accept(timeout=LIMIT) as g:
            assert [g.read(99), g.read(99)] == [b"one", b"two"]
            assert g.peer == f.local.replace("0.0.0.0", "127.0.0.1")
            g.write(b"answer")
            assert f.read(99) == b"answer"
            assert f.sender == g.local == f"udp://127.0.0.1:{port_of(listener.address)}"
            assert f.peer == listener.address


def test_without_others_nobody_else_is_heard() -> None:
    """A conversation hears its peer alone; with others=on everybody, and says whom."""
    with answerer() as first, answerer("127.0.0.2") as second:
        place = "udp://{}:{}".format(*first.getsockname())
        f: Any = fildes.open(place)
        with f, heard_by(first, "&bind=127.0.0.1") as g:
            for sock in (second, first):
                for file in (f, g):
                    sock.sendto(sock.getsockname()[0].encode(), ("127.0.0.1", port_of(file.local)))
            assert f.read(99) == b"127.0.0.1"
            assert [g.read(99), g.sender] == [b"127.0.0.2", "udp://{}:{}".format(
                *second.getsockname())]  # fmt: skip
            assert [g.read(99), g.sender, f.sender] == [b"127.0.0.1", place, place]
            g.write(b"hello")
            assert first.recv(99) == b"hello"


def test_answers_come_after_the_half_close() -> None:
    """Who has said all goes on to hear; a socket that is not connected has nothing to shut down."""
    with answerer() as sock, heard_by(sock) as f:
        f.write(b"question")
        f.half_close()
        question, asker = sock.recvfrom(99)
        sock.sendto(b"answer to " + question, asker)
        assert f.read(99) == b"answer to question"


@pytest.mark.parametrize("how", ["-u", "--eof=linger:0.01"])
def test_relay_of_what_has_ended(how: str) -> None:
    """An end of file on the other side of a relay is no reset of this one."""
    with answerer() as sock:
        target = "udp://{}:{}?others=on".format(*sock.getsockname())
        assert relay(how, "-", target, given=b"all that was to be said") == (0, b"")
        assert sock.recv(99) == b"all that was to be said"


def test_allow_says_whom_to_hear() -> None:
    """Datagrams of senders outside of the networks are dropped."""
    networks = "&allow=127.0.0.2/32&allow=10.0.0.0/8"
    with (
        answerer() as first,
        answerer("127.0.0.2") as second,
        heard_by(first, networks) as f,
    ):
        for sock in (first, second):
            sock.sendto(sock.getsockname()[0].encode(), ("127.0.0.1", port_of(f.local)))
        assert f.read(99) == b"127.0.0.2"


def test_long_datagram_is_kept() -> None:
    """A datagram that does not fit waits for a larger buffer, as everywhere."""
    with answerer() as sock, heard_by(sock) as f:
        sock.sendto(b"x" * 60_000, ("127.0.0.1", port_of(f.local)))
        with pytest.raises(OSError, match="kept"):
            f.read(10)
        assert len(f.read()) == 60_000


@pytest.mark.parametrize("loop", LOOPS)
def test_others_are_heard_in_event_loops(loop: RunLoop) -> None:
    """The same under asyncio and trio."""

    async def main(place: str, sock: socket.socket) -> tuple[bytes, str | None]:
        f: Any = await fildes.aio.open(f"{place}?others=on")
        async with f:
            await f.write(b"hello")
            data, peer = sock.recvfrom(99)
            with answerer("127.0.0.2") as other:
                other.sendto(data + b" from another", peer)
                return await f.read(99), f.sender

    with answerer() as sock:
        data, sender = loop(main("udp://{}:{}".format(*sock.getsockname()), sock))
    assert data == b"hello from another"
    assert str(sender).startswith("udp://127.0.0.2:")


def test_broadcast_is_answered() -> None:
    """What is sent to all hosts of a network reaches a listener at every address."""
    with fildes.listen("udp-listen://0.0.0.0:0") as listener:
        target = f"udp://127.255.255.255:{port_of(listener.address)}?broadcast=on&others=on"
        with fildes.open(target) as f:
            f.write(b"one")
            with listener.accept(timeout=LIMIT) as g:
                f.write(b"two")
                assert [g.read(99), g.read(99)] == [b"one", b"two"]
                assert str(g.local).startswith("udp://127.0.0.1:")
                g.write(b"answer")
                assert f.read(99) == b"answer"


@pytest.fixture
def settled(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let conversations look for what is late no more, from the first moment on."""
    monkeypatch.setattr(conversation, "LOOKS", (0.0,))


@pytest.mark.usefixtures("settled")
def test_who_waits_hears_the_group(listener: Any) -> None:
    """What the peer sends to the group later wakes a read that waits, whoever accepts."""
    with asking(listener) as f:
        f.write(b"one")
        with listener.accept(timeout=LIMIT) as g:
            assert g.read(99) == b"one"
            got: list[bytes] = []
            thread = threading.Thread(target=lambda: got.append(g.read(99)))
            thread.start()
            while g.description.stream.alarm.fd < 0:
                time.sleep(0)
            f.write(b"two")
            thread.join(LIMIT)
            assert got == [b"two"]


@pytest.mark.usefixtures("settled")
@pytest.mark.parametrize("loop", LOOPS)
def test_who_waits_in_a_loop_hears_the_group(loop: RunLoop) -> None:
    """Also where the listener accepts in another task at the same time."""

    async def main() -> list[bytes]:
        async with fildes.aio.listen(f"udp-listen://{GROUP}:0?{HERE}") as listener:
            port = port_of(listener.address)
            async with await fildes.aio.open(f"udp://{GROUP}:{port}?{HERE}") as f:
                await f.write(b"one")
                async with await listener.accept(timeout=LIMIT) as g:
                    received = [await g.read(99)]
                    await f.write(b"two")
                    received.append(await g.read(99))
                    await f.write(b"three")
                    return [*received, await g.read(99)]

    assert loop(main()) == [b"one", b"two", b"three"]


def test_others_of_a_group_are_accepted_while_one_is_read(listener: Any) -> None:
    """A read that waits leaves the listener what is of somebody new."""
    with asking(listener) as f, asking(listener) as g:
        f.write(b"one")
        with listener.accept(timeout=LIMIT) as one:
            assert one.read(99) == b"one"
            g.write(b"another")
            f.write(b"two")
            assert one.read(99) == b"two"
            with listener.accept(timeout=LIMIT) as other:
                assert other.read(99) == b"another"


def test_full_listener_goes_on_with_its_conversations() -> None:
    """Where no more are let in, those who are there hear the group still."""
    listener = fildes.listen(f"udp-listen://{GROUP}:0?{HERE}&max-connections=1")
    with listener, asking(listener) as f, asking(listener) as g:
        f.write(b"one")
        with listener.accept(timeout=LIMIT) as one:
            g.write(b"another")
            f.write(b"two")
            assert listener.acceptor.try_accept() is None
            assert [one.read(99), one.read(99)] == [b"one", b"two"]
        with listener.accept(timeout=LIMIT) as other:
            assert other.read(99) == b"another"


def test_relay_hears_a_group(start_serving: StartServing) -> None:
    """A relay passes on what senders say to a group, each by itself, also what comes later."""
    serving = start_serving(f"?{HERE}", host=GROUP)
    with asking(serving.listener) as f, asking(serving.listener) as g:
        f.write(b"f1")
        g.write(b"g1")
        places = dict(serving.receive(2))
        f.write(b"f2")
        g.write(b"g2")
        assert sorted(serving.receive(2)) == [(b"f2", places[b"f1"]), (b"g2", places[b"g1"])]
        serving.behind.sendto(b"answer", places[b"g1"])
        serving.run(lambda: bool(select.select([g.description.stream.sock], [], [], 0)[0]))
        assert g.read(99) == b"answer"


@pytest.mark.parametrize(("options", "message"), [
    ("join=239.1.2.3", "others=on"),
    ("allow=10.0.0.0/8", "others=on"),
    ("others=on&join=10.0.0.1", "multicast group"),
    ("others=on&join=ff02%3A%3A1", "family"),
    ("others=on&join=eth0", "multicast group"),
    ("others=on&allow=eth0", "eth0"),
])  # fmt: skip
def test_options_that_make_no_sense(options: str, message: str) -> None:
    """What is not a group, or would have no effect, is said so before anything is sent."""
    with pytest.raises(fildes.AddressError, match=message):
        fildes.open(f"udp://127.0.0.1:9?{options}")


@pytest.mark.parametrize("options", [
    f"join={GROUP}:nowhere0&others=on", f"join={GROUP}:203.0.113.1&others=on",
    "multicast-if=nowhere0",
])  # fmt: skip
def test_interfaces_that_are_not_there(options: str) -> None:
    """An interface that this machine does not have is an error that names what it was for."""
    with pytest.raises(OSError, match=r"group 239|multicast-if"):
        fildes.open(f"udp://{GROUP}:9?{options}")


def test_group_is_not_for_one(listener: Any) -> None:
    """To open a listener in a group is refused: what opens instead is said."""
    with pytest.raises(fildes.AddressError, match="others=on"):
        fildes.open(f"udp-listen://{GROUP}:{port_of(listener.address)}")


def test_no_descriptor_knows_where_to_send_to() -> None:
    """Nobody who has only a descriptor could write to it, so there is none."""
    missing = pytest.raises(io.UnsupportedOperation, match="others=on")
    with answerer() as sock, heard_by(sock) as f, missing:
        f.fileno()


def test_untrusted_addresses_join_nothing() -> None:
    """An address that somebody else wrote hears nobody but whom it names."""
    with pytest.raises(PermissionError):
        fildes.open("udp://192.0.2.1:9?others=on", policy=fildes.Policy.untrusted())
