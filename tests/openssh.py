"""An OpenSSH server that knows one key."""

from __future__ import annotations

import contextlib
import os
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import pytest
from programs import need, serving


class SshServer(NamedTuple):
    """Where it listens, and the key that it knows."""

    port: int
    key: Path

    def command(self, port: int) -> list[str]:
        """Return the command that reaches the server by way of *port*, up to the host."""
        settings = ["StrictHostKeyChecking=no", "UserKnownHostsFile=/dev/null", "BatchMode=yes"]
        ssh = [need("ssh"), "-q", "-F", "/dev/null", "-i", str(self.key), "-p", str(port)]
        return ssh + options(*settings)


@contextlib.contextmanager
def openssh(directory: Path) -> Iterator[SshServer]:
    """Run sshd on a port of its own."""
    sshd, keygen, _ = need("sshd"), need("ssh-keygen"), need("ssh")
    if os.geteuid() == 0 and not Path("/run/sshd").is_dir():
        pytest.skip("sshd run by root wants a directory /run/sshd")
    key = directory / "key"
    subprocess.run([keygen, "-q", "-t", "ed25519", "-N", "", "-f", key], check=True)
    argv = [sshd, "-D", "-f", "/dev/null", "-o", "ListenAddress=127.0.0.1"]
    argv += options(f"HostKey={key}", "StrictModes=no", f"AuthorizedKeysFile={key}.pub")
    argv += options("PermitRootLogin=yes", "UsePAM=no", f"PidFile={directory}/pid")
    with serving(lambda port: [*argv, "-p", str(port)]) as port:
        yield SshServer(port, key)


def options(*settings: str) -> list[str]:
    return [word for setting in settings for word in ("-o", setting)]
