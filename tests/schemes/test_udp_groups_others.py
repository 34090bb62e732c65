"""udp to many, beside socat, and over IPv6 in a network of its own."""

from __future__ import annotations

import subprocess
import sys

import pytest
from commands import LIMIT
from datagram_clients import GROUP, HERE, answerer
from programs import need
from relay_commands import relay, relay_running


@pytest.mark.slow  # socat does not know when the answer is complete
def test_socat_answers_from_a_group() -> None:
    """UDP4-DATAGRAM beside socat: each asks the other's group, and gets the answer."""
    with relay_running(f"udp-listen://{GROUP}:0?{HERE}", "SYSTEM:read x; echo $x again") as running:
        target = f"UDP4-DATAGRAM:{GROUP}:{running.port},ip-multicast-if=127.0.0.1"
        command = [need("socat"), "-t", "1", "-T", "5", "-", target]
        done = subprocess.run(command, input=b"hello\n", capture_output=True, check=True)
        assert done.stdout == b"hello again\n"


def test_socat_is_asked_in_a_group() -> None:
    """What socat sends back to a group's asker comes from its own address, and is heard."""
    with answerer() as sock:  # a port that is free
        port = sock.getsockname()[1]
    receiving = f"UDP4-RECVFROM:{port},ip-add-membership={GROUP}:127.0.0.1,reuseaddr"
    command = [need("socat"), "-d", "-d", receiving, "SYSTEM:read x; echo $x again"]
    with subprocess.Popen(command, stderr=subprocess.PIPE) as process:
        assert process.stderr is not None
        while b"receiving on" not in process.stderr.readline():
            pass
        target = f"UDP4-DATAGRAM:{GROUP}:{port},ip-multicast-if=127.0.0.1"
        status, out = relay("--eof", "ignore", "--max-bytes", "12", "-", target, given=b"hello\n")
        process.communicate(timeout=LIMIT)
    assert (status, out) == (0, b"hello again\n")


IPV6 = """
import fildes, socket
with fildes.listen("udp-listen://[ff02::7%25v0]:0") as listener:
    port = int(listener.address.rpartition(":")[2])
    with fildes.open(f"udp://[ff02::7%25v0]:{port}?multicast-if=v0&others=on") as f:
        f.write(b"one")
        with listener.accept(timeout=20) as g:
            f.write(b"two")
            print(g.read(99), g.read(99))
            g.write(b"answer")
            print(f.read(99), f.sender == g.local)
    target = f"udp6://[ff02::7%25v0]:{port}?join=%5Bff02%3A%3A7%5D:v0&bind=%5B%3A%3A%5D:{port}&others=on"
    with fildes.open(target) as f, fildes.open(target) as g:
        f.write(b"to all")
        print(g.read(99), f.read(99))
"""


def test_groups_over_ipv6() -> None:
    """The same over IPv6, in a network of its own, where an interface has multicast."""
    lines = [
        "ip link add v0 type veth peer name v1",
        "for each in v0 v1; do echo 0 > /proc/sys/net/ipv6/conf/$each/accept_dad; done",
        "ip link set lo up && ip link set v0 up && ip link set v1 up",
        "ip -6 addr add fd00::1/64 dev v0 nodad",
        'exec "$@"',
    ]
    shell = [need("unshare"), "-rn", need("sh"), "-ec", "\n".join(lines), "sh"]
    need("ip")
    if subprocess.run([*shell, "true"], capture_output=True, check=False).returncode:
        pytest.skip("no network namespace can be made here")
    command = [*shell, sys.executable, "-X", "dev", "-c", IPV6]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=LIMIT)
    assert done.stdout.splitlines() == [
        "b'one' b'two'", "b'answer' True", "b'to all' b'to all'",
    ], done.stderr  # fmt: skip
