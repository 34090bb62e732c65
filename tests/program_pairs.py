"""Conversations with programs and terminals, with the stream of their peer."""

from __future__ import annotations

import os
import shlex
import shutil
import socket
import subprocess
from pathlib import Path
from urllib.parse import quote

import pytest
from authority import Authority
from pair_ends import HOST, Pair, connected

from fildes.streams.terminal import MasterStream, TerminalStream
from fildes.testing import open_stream


async def program(authority: Authority) -> Pair:
    with socket.create_server((HOST, 0)) as listener:
        # -t: how long socat waits for the other direction after one has ended.
        destination = f"TCP:{HOST}:{listener.getsockname()[1]}"
        address = f"exec:socat?arg=-t20&arg=STDIO&arg={destination}"
        return await connected(listener, address)


async def program_on_pipes(authority: Authority) -> Pair:
    with socket.create_server((HOST, 0)) as listener:
        destination = f"TCP:{HOST}:{listener.getsockname()[1]}"
        address = f"exec:socat?pipes=on&arg=-t20&arg=STDIO&arg={destination}"
        return await connected(listener, address)


async def program_on_pty(authority: Authority) -> Pair:
    with socket.create_server((HOST, 0)) as listener:
        destination = f"TCP:{HOST}:{listener.getsockname()[1]}"
        address = f"exec:socat?pty=on&raw=on&arg=-t20&arg=STDIO&arg={destination}"
        return await connected(listener, address)


async def pty(authority: Authority) -> Pair:
    left = await open_stream("pty:?raw=on")
    assert isinstance(left, MasterStream)
    slave = os.open(left.path, os.O_RDWR | os.O_NOCTTY | os.O_CLOEXEC)
    return left, TerminalStream(slave)


async def serial(authority: Authority) -> Pair:
    right = await open_stream("pty:?raw=on")
    assert isinstance(right, MasterStream)
    return await open_stream(f"serial:{right.path}"), right


async def ssh(authority: Authority) -> Pair:
    with socket.create_server((HOST, 0)) as listener:
        far = f"tcp://{HOST}:{listener.getsockname()[1]}"
        return await connected(listener, f"{far}::{ssh_layer(Path(authority.ca_file).parent)}")


def ssh_layer(directory: Path) -> str:
    """Return a layer through an sshd that is a child of the ssh, so that it needs no port."""
    key = directory / "ssh_key"
    if not key.exists():
        make = ["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", str(key)]
        subprocess.run(make, check=True)
    serve = ["/usr/sbin/sshd", "-i", "-f", "/dev/null", "-o", f"HostKey={key}"]
    for setting in ("StrictModes=no", "PermitRootLogin=yes", "UsePAM=no"):
        serve += ["-o", setting]
    serve += ["-o", f"AuthorizedKeysFile={key}.pub"]
    chosen = (f"ProxyCommand={shlex.join(serve)}", "StrictHostKeyChecking=no", "IdentityAgent=none")
    options = "".join(f"&option={quote(setting, safe='')}" for setting in chosen)
    return f"ssh://jump?config=/dev/null&identity={key}&known-hosts=/dev/null{options}"


needs_sshd = pytest.mark.skipif(
    not (shutil.which("ssh") and Path("/usr/sbin/sshd").exists() and Path("/run/sshd").exists()),
    reason="ssh or sshd is not installed, or has no /run/sshd",
)
needs_socat = pytest.mark.skipif(not shutil.which("socat"), reason="socat is not installed")

#: A terminal in raw mode has no end of file but that its other end is closed.
NO_END = {
    *("end_of_file_stays", "half_close_ours_first", "half_close_theirs_first"),
    *("orderly_close", "closed_again", "abort_is_seen", "exception_aborts"),
    *("ways_to_read", "lines", "half_close", "close_sends", "genuine_descriptor"),
}

#: Each with the names of the checks that its kind cannot pass.
PROGRAM_PAIRS = [
    # The kernel closes a killed program's sockets in order. Its standard input and
    # output are one socket, which does not end while either is open.
    pytest.param(
        program,
        {"abort_is_seen", "exception_aborts"}
        | {"half_close_theirs_first", "ways_to_read", "lines", "genuine_descriptor"},
        id="exec",
        marks=needs_socat,
    ),
    pytest.param(
        program_on_pipes,
        # socat keeps its standard output open until it ends.
        {"abort_is_seen", "exception_aborts", "interrupt_wakes", "genuine_descriptor"}
        | {"half_close_theirs_first", "ways_to_read", "lines"},
        id="exec-pipes",
        marks=needs_socat,
    ),
    pytest.param(program_on_pty, NO_END, id="exec-pty", marks=needs_socat),
    pytest.param(pty, {*NO_END, "interrupt_wakes"}, id="pty"),
    pytest.param(serial, {*NO_END, "interrupt_wakes"}, id="serial"),
    # The ssh at the far end closes in order what it is cut off from, and ours takes no
    # more after the far end's end of file. Its output is a pipe, whose reader nobody wakes.
    pytest.param(
        ssh,
        {"abort_is_seen", "exception_aborts", "interrupt_wakes", "half_close_theirs_first"}
        | {"close_sends"},
        id="ssh",
        marks=[needs_sshd, pytest.mark.slow],
    ),
]
