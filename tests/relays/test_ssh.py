"""ssh and rsync through a relay: commands and trees arrive as without."""

from __future__ import annotations

import hashlib
import os
import shlex
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from openssh import SshServer, openssh
from programs import need, serving
from relays_under_test import RelayTo

pytestmark = pytest.mark.slow

DATA = os.urandom(5_000_000)


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SshServer]:
    with openssh(tmp_path_factory.mktemp("openssh")) as server:
        yield server


@pytest.fixture
def ssh(server: SshServer, relay_to: RelayTo) -> list[str]:
    """Return the ssh command that goes through a relay."""
    return server.command(relay_to(f"tcp://127.0.0.1:{server.port}").port)


def make_tree(root: Path) -> Path:
    """Make files of several sizes, a link, a mode and an empty directory."""
    (root / "deep" / "er" / "empty").mkdir(parents=True)
    (root / "large").write_bytes(DATA)
    (root / "deep" / "none").write_bytes(b"")
    for number in range(100):
        (root / "deep" / "er" / f"{number} ü").write_bytes(DATA[: number * 97])
    (root / "link").symlink_to("deep/er")
    (root / "large").chmod(0o640)
    return root


def tree(root: Path) -> dict[str, tuple[int, str]]:
    """Return what there is below *root*: the mode, and a digest or what a link says."""
    return {
        str(path.relative_to(root)): (path.lstat().st_mode, content(path))
        for path in sorted(root.rglob("*"))
    }


def content(path: Path) -> str:
    if path.is_symlink():
        return str(path.readlink())
    return hashlib.sha256(path.read_bytes()).hexdigest() if path.is_file() else ""


def test_command(ssh: list[str]) -> None:
    """A command gets its input up to the end, and gives output, error output and status."""
    command = "wc -c; echo oops >&2; exit 3"
    argv = [*ssh, "localhost", command]
    done = subprocess.run(argv, input=DATA, capture_output=True, check=False, timeout=50)
    assert (done.returncode, done.stdout, done.stderr) == (3, b"%d\n" % len(DATA), b"oops\n")


def test_bytes_both_ways(ssh: list[str]) -> None:
    """Megabytes there and back are unchanged."""
    argv = [*ssh, "localhost", "cat"]
    done = subprocess.run(argv, input=DATA, capture_output=True, check=True, timeout=50)
    assert done.stdout == DATA


def test_rsync_over_ssh(ssh: list[str], tmp_path: Path) -> None:
    """A tree is copied there and back, and is the same."""
    source = make_tree(tmp_path / "source")
    rsync = [need("rsync"), "--archive", "--rsh", shlex.join(ssh)]
    for here, there in (("source/", "localhost:sent"), ("localhost:sent/", "back")):
        paths = [word.replace(":", f":{tmp_path}/") for word in (here, there)]
        subprocess.run([*rsync, *paths], check=True, cwd=tmp_path, timeout=50)
    assert tree(tmp_path / "sent") == tree(tmp_path / "back") == tree(source)


def test_rsync_daemon(relay_to: RelayTo, tmp_path: Path) -> None:
    """rsync's own protocol copies a tree, and later only what has changed."""
    rsync, source = need("rsync"), make_tree(tmp_path / "source")
    config = tmp_path / "rsyncd.conf"
    settings = "use chroot = no\nuid = {}\ngid = {}\n[tree]\npath = {}\n"
    config.write_text(settings.format(os.getuid(), os.getgid(), source))
    daemon = [rsync, "--daemon", "--no-detach", "--address=127.0.0.1", f"--config={config}"]
    with serving(lambda port: [*daemon, f"--port={port}"]) as port:
        url = f"rsync://127.0.0.1:{relay_to(f'tcp://127.0.0.1:{port}').port}/tree/"
        for change in (b"", b"changed"):
            with (source / "large").open("ab") as file:
                file.write(change)
            copy = [rsync, "--archive", url, str(tmp_path / "copy")]
            subprocess.run(copy, check=True, timeout=50)
            assert tree(tmp_path / "copy") == tree(source)
