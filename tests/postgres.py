"""PostgreSQL, with a database of its own for as long as a test needs it."""

from __future__ import annotations

import contextlib
import os
import pwd
import shutil
import signal
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import pytest
from authority import Identity
from programs import need, serving, wait_until

#: Debian keeps the programs of each version apart.
PLACES = os.pathsep.join(map(str, sorted(Path("/usr/lib/postgresql").glob("*/bin"), reverse=True)))


class Database(NamedTuple):
    """Where PostgreSQL listens."""

    port: int
    directory: Path

    @property
    def socket(self) -> Path:
        """The unix socket; its name is not for us to choose."""
        return self.directory / f".s.PGSQL.{self.port}"


def need_postgres(program: str) -> str:
    """Return the path of *program*, or skip the test because it is not installed."""
    return shutil.which(program, path=PLACES) or need(program)


@contextlib.contextmanager
def postgres(identity: Identity) -> Iterator[Database]:
    """Run PostgreSQL on a port and on a unix socket; under TLS for those who ask for it."""
    initdb, server = need_postgres("initdb"), need_postgres("postgres")
    need("psql")
    # Not below pytest's own directory, which is closed to the other user.
    with tempfile.TemporaryDirectory(prefix="postgres-") as name:
        directory = Path(name)
        other = other_user(directory)
        words = ["--auth=trust", "--no-sync", "--username=me", "--encoding=UTF8", "--locale=C"]
        subprocess.run(
            [*other, initdb, *words, "-D", directory / "data"],
            check=True, stdout=subprocess.DEVNULL, cwd=directory,
        )  # fmt: skip
        cert, key = give(identity.cert_file, directory), give(identity.key_file, directory)
        settings = {
            "listen_addresses": "127.0.0.1", "unix_socket_directories": directory, "fsync": "off",
            "ssl": "on", "ssl_cert_file": cert, "ssl_key_file": key, "max_connections": 20,
        }  # fmt: skip
        argv = [*other, server, "-D", str(directory / "data")]
        argv += [word for pair in settings.items() for word in ("-c", "{}={}".format(*pair))]
        # SIGINT ends without waiting for the clients to go; postgres(1).
        with serving(lambda port: [*argv, "-p", str(port)], stop=signal.SIGINT) as port:
            wait_ready(directory, port)
            yield Database(port, directory)


def other_user(directory: Path) -> list[str]:
    """Return what a command of PostgreSQL begins with: it refuses to be run by root."""
    if os.geteuid() != 0:
        return []
    try:
        user = pwd.getpwnam("postgres")
    except KeyError:
        pytest.skip("root cannot run PostgreSQL, and there is no user postgres")
    os.chown(directory, user.pw_uid, user.pw_gid)
    ids = [f"--reuid={user.pw_uid}", f"--regid={user.pw_gid}", "--clear-groups"]
    return [need("setpriv"), *ids, "--"]


def give(file: Path, directory: Path) -> Path:
    """Copy *file* for the one who owns *directory*, and for nobody else."""
    copy = Path(shutil.copy(file, directory))
    copy.chmod(0o600)
    os.chown(copy, directory.stat().st_uid, directory.stat().st_gid)
    return copy


def wait_ready(directory: Path, port: int) -> None:
    """Wait until it answers, for it listens while it is still starting."""
    ask = [need_postgres("pg_isready"), "-q", "-h", str(directory), "-p", str(port)]
    wait_until(lambda: subprocess.run(ask, check=False).returncode == 0)
