"""vsock and vsock-listen: between a virtual machine and its host."""

from __future__ import annotations

import errno
import threading

import pytest
from vsocks import OWN_CONTEXT, fake_vsocks, has_loopback, has_vsocks

import fildes
from fildes.address import parse
from fildes.advice import advice_for
from fildes.opening.registry import find_scheme
from fildes.opening.vsock_names import ANY_PORT, Name, advised, parse_name
from fildes.relaying.ucspi import environment

__all__ = ["fake_vsocks"]

faked = pytest.mark.usefixtures("fake_vsocks")


@pytest.mark.parametrize(("word", "name"), [
    ("2:1024", (2, 1024)), ("host:1024", (2, 1024)), ("HOST:0", (2, 0)), ("local:7", (1, 7)),
    ("hypervisor:7", (0, 7)), ("4294967294:4294967294", (0xFFFFFFFE, 0xFFFFFFFE)),
])  # fmt: skip
def test_names(word: str, name: tuple[int, int]) -> None:
    """A context is a number of 32 bits or one of the kernel's names, a port a number."""
    assert parse_name(word) == Name(*name)


@pytest.mark.parametrize(("word", "name"), [
    (":0", (1, ANY_PORT)), (":1024", (1, 1024)), ("any:1024", (0xFFFFFFFF, 1024)),
])  # fmt: skip
def test_names_to_listen_at(word: str, name: tuple[int, int]) -> None:
    """No context is this machine alone, and port 0 is one of the kernel's choice."""
    assert parse_name(word, listening=True) == Name(*name)


@pytest.mark.parametrize("word", [
    "", "2", ":80", "2:", "x:80", "-1:80", "2:+80", "2:٨٠", "2:80:90", "4294967296:1",
    "2:4294967296", "any:80", "2:4294967295", "0x2:80", " 2:80",
])  # fmt: skip
def test_wrong_names(word: str) -> None:
    """Anything else is an error of the address, before any system call."""
    with pytest.raises(fildes.AddressError):
        parse_name(word)


def test_text_of_an_address_stays_readable() -> None:
    """The colon before the port is written as it is."""
    assert str(parse("vsock:host:1024", find_scheme)) == "vsock://host:1024"
    assert str(parse("vsock-listen://:0", find_scheme)) == "vsock-listen://:0"


@faked
def test_conversation() -> None:
    """A vsock is a file with both ends' names, half-close and end of file."""
    with fildes.listen("vsock://any:0") as listener:
        assert str(listener.address).startswith(f"vsock://{OWN_CONTEXT}:")
        with fildes.open(listener.address) as f, listener.accept() as accepted:
            assert f.peer == str(listener.address)
            assert accepted.local == f.peer
            f.write(b"hello")
            f.half_close()
            assert accepted.read() == b"hello"
            accepted.write(b"answer")
            accepted.close()
            assert f.read() == b"answer"


@faked
def test_own_name() -> None:
    """bind names our own end, whose port may be reserved."""
    with (
        fildes.listen("vsock-listen://:0") as listener,
        fildes.open(listener.address, vsock={"bind": "any:700"}) as f,
        listener.accept(),
    ):
        assert f.local == f"vsock://{0xFFFFFFFF}:700"


@faked
def test_opening_a_listener_accepts_one() -> None:
    """vsock-listen opened is the first connection; the next is refused."""
    sent: list[bytes] = []

    def serve() -> None:
        with fildes.open("vsock-listen://any:7777") as f:
            sent.append(f.read())

    thread = threading.Thread(target=serve)
    thread.start()
    try:
        with retried("vsock://3:7777") as f:
            f.write(b"once")
    finally:
        thread.join()
    assert sent == [b"once"]
    with pytest.raises(ConnectionRefusedError):
        fildes.open("vsock://3:7777")


def retried(address: str) -> fildes.BufferedFile:
    """Open *address*, as soon as somebody listens there."""
    while True:
        try:
            return fildes.open(address)
        except ConnectionRefusedError:
            pass


@faked
def test_variables_of_a_program() -> None:
    """A program that serves a vsock learns the contexts and ports of both ends."""
    with (
        fildes.listen("vsock-listen://any:9") as listener,
        fildes.open(listener.address),
        listener.accept() as accepted,
    ):
        told = environment(accepted.description.stream, {"VSOCKREMOTECID": "old", "HOME": "/"})
    port = told.pop("VSOCKREMOTEPORT")
    assert port.isdigit()
    assert told == {
        "HOME": "/", "PROTO": "VSOCK", "VSOCKREMOTECID": "3",
        "VSOCKLOCALCID": "3", "VSOCKLOCALPORT": "9",
    }  # fmt: skip


@pytest.mark.parametrize(("number", "context", "told"), [
    (errno.EAFNOSUPPORT, 2, "load its module vsock"), (errno.ENODEV, 3, "vhost_vsock"),
    (errno.ENODEV, 1, "needs the module vsock_loopback"),
    (errno.ETIMEDOUT, 1, "needs the module vsock_loopback"),
    (errno.ECONNRESET, 2, "nothing listens"), (errno.EACCES, 2, "below 1024"),
])  # fmt: skip
def test_errors_say_what_to_do(number: int, context: int, told: str) -> None:
    """The error stays the kernel's; the advice, one and no other, names what is missing."""
    with pytest.raises(OSError, match="as the kernel says") as caught, advised(context):
        raise OSError(number, "as the kernel says")
    assert caught.value.errno == number
    assert told in advice_for(caught.value, "connect")


def test_other_errors_stay() -> None:
    """An error that says enough by itself is passed on as it is."""
    with pytest.raises(TimeoutError, match="as it is"), advised(2):
        raise TimeoutError(errno.ETIMEDOUT, "as it is")


def test_strangers_reach_no_machine() -> None:
    """Under the policy for others' addresses there is no vsock."""
    with pytest.raises(PermissionError):
        fildes.open("vsock://host:1", policy=fildes.Policy.untrusted())


@pytest.mark.skipif(not has_vsocks(), reason="the kernel has no vsocks")
def test_kernel_listens() -> None:
    """A real vsock listens at a port of the kernel's choice, and says which."""
    with fildes.listen("vsock-listen://any:0", max_connections=3) as listener:
        assert parse_name(listener.address.removeprefix("vsock://")).port > 0


@pytest.mark.skipif(not has_loopback(), reason="the kernel has no module vsock_loopback")
def test_kernel_connects() -> None:
    """Two real vsocks of one machine talk, and their names are told."""
    with (
        fildes.listen("vsock-listen://:0") as listener,
        fildes.open(listener.address) as f,
        listener.accept() as accepted,
    ):
        f.write(b"x" * 100_000)
        f.half_close()
        assert accepted.read() == b"x" * 100_000
        assert f.peer == str(listener.address)
