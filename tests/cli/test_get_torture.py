"""`fildes get -c` where anything may fail: disks, system calls, servers that are restarted."""

from __future__ import annotations

import errno
import json
import os
import shutil
import signal
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from commands import LIMIT, RunMain, fildes, start
from counting import CountingServer
from downloads import CUT, DATA, PART, RECORD, CutFirst, folder, no_delay, part
from programs import children_of, free_port, need, running, wait_listening, wait_until
from torture import failures_of

from fildes.cli import main

__all__ = ["fildes", "folder", "no_delay"]

pytestmark = pytest.mark.usefixtures("folder", "no_delay")


def begin_with(files: dict[str, bytes]) -> None:
    """Let the folder hold *files* and nothing else."""
    for name in os.listdir():
        Path(name).unlink()
    for name, content in files.items():
        Path(name).write_bytes(content)


def full_disk() -> OSError:
    return OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


def half_there(address: str) -> dict[str, bytes]:
    """Return the files that a cut download leaves."""
    known = {"address": address, "size": len(DATA), "etag": '"v1"', "modified": None}
    record = json.dumps({**known, "missing": [[CUT, len(DATA)]]}).encode()
    return {PART: DATA[:CUT], RECORD: record}


@pytest.mark.slow
@pytest.mark.parametrize("make", [full_disk, KeyboardInterrupt])
@pytest.mark.parametrize("resumed", [False, True])
def test_any_call_may_fail(
    capfd: pytest.CaptureFixture[str], make: Callable[[], BaseException], resumed: bool
) -> None:
    """Whichever call fails: the file is whole or not there, and the next run makes it whole."""
    with CountingServer(DATA, part) as server:
        address = server.address()
        files = half_there(address) if resumed else {}

        def receive() -> None:
            begin_with(files)
            main(["get", "-c", address])

        for _ in failures_of(receive, make):
            if os.path.exists("document"):
                assert Path("document").read_bytes() == DATA
                os.unlink("document")
            assert main(["get", "-c", address]) == 0
            assert os.listdir() == ["document"]
            assert Path("document").read_bytes() == DATA
    capfd.readouterr()


@pytest.fixture
def small_disk(folder: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """Work on a file system of 128 KiB."""
    place = folder / "disk"
    place.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=128k", "fildes-test", str(place)]
    if os.geteuid() or subprocess.run(mount, capture_output=True).returncode:
        pytest.skip("mounting a small tmpfs needs root")
    monkeypatch.chdir(place)
    try:
        yield place
    finally:
        os.chdir(folder)
        subprocess.run(["umount", str(place)], check=True)


@pytest.mark.parametrize("argv", [["-x", "2"], ["--if-changed"]])
def test_full_disk_leaves_nothing(fildes: RunMain, small_disk: Path, argv: list[str]) -> None:
    """A disk that is too small is an error, and nothing half-written stays (C6)."""
    with CountingServer(DATA * 8, part) as server:
        done = fildes("get", *argv, server.address())
    assert (done.status, os.listdir()) == (23, [])
    assert "No space left on device" in done.err


def test_full_disk_keeps_the_part(
    fildes: RunMain, small_disk: Path, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With -c what was recorded stays, and goes on where there is room."""
    monkeypatch.setattr("fildes.cli.downloading.SAVE_INTERVAL", 0.0)
    monkeypatch.setattr("fildes.cli.output.COPY_SIZE", 8192)
    with CountingServer(DATA, part) as server:
        done = fildes("get", "-c", server.address())
        assert done.status == 23
        assert "No space left on device" in done.err
        for name in os.listdir():
            shutil.copy(name, folder)
        os.chdir(folder)
        server.asked.clear()
        assert fildes("get", "-c", server.address()).status == 0
        assert server.asked[0].start != 0
    assert Path("document").read_bytes() == DATA


def test_secrets_are_not_kept(fildes: RunMain, folder: Path) -> None:
    """Neither the record of a part nor the attribute of a file holds a password (C9)."""
    with CountingServer(DATA, CutFirst()) as server:
        address = server.address("/document?token=c4nary").replace("//", "//me:c4nary@")
        assert fildes("get", "-c", address).status == 18
        assert "c4nary" not in Path(RECORD).read_text()
        assert isinstance(server.reply, CutFirst)
        server.reply.on = True
        assert fildes("get", "-c", "--if-changed", address).status == 0
    for name in os.listxattr("document"):
        assert b"c4nary" not in os.getxattr("document", name)
    assert Path("document").read_bytes() == DATA


NGINX = """
daemon off; pid {root}/pid; error_log {root}/log; worker_processes 1;
worker_shutdown_timeout 10ms;
events {{ }}
http {{
  access_log off; client_body_temp_path {root}/t; proxy_temp_path {root}/t;
  fastcgi_temp_path {root}/t; uwsgi_temp_path {root}/t; scgi_temp_path {root}/t;
  server {{ listen 127.0.0.1:{port}; root {root}; {limit} }}
}}
"""
SIZE = 4 << 20


@pytest.mark.slow
@pytest.mark.parametrize("argv", [["-c"], ["-c", "-x", "3"], ["-x", "3"]])
def test_nginx_is_restarted_in_the_middle(tmp_path: Path, argv: list[str]) -> None:
    """Workers of nginx that end in the middle cut the answers; the download goes on."""
    program, port, root = need("nginx"), free_port(), tmp_path
    (root / "document").write_bytes(data := os.urandom(SIZE))
    config = root / "nginx.conf"
    words = {"root": root, "port": port}
    user = "user root;" if os.geteuid() == 0 else ""
    config.write_text(user + NGINX.format(limit="limit_rate 512k;", **words))
    with running([program, "-c", str(config), "-e", str(root / "log")]) as server:
        assert wait_listening(server, port)
        wait_until(lambda: bool(children_of(server.pid)))  # before, SIGHUP would end it
        with start("get", *argv, f"http://127.0.0.1:{port}/document") as process:
            wait_connected(port, process)
            config.write_text(user + NGINX.format(limit="", **words))  # no longer slow
            server.send_signal(signal.SIGHUP)
            assert process.stderr is not None
            assert (process.wait(LIMIT), process.stderr.read()) == (0, b"")
    assert Path("document").read_bytes() == data
    assert os.listdir() == ["document"]


def wait_connected(port: int, process: subprocess.Popen[bytes]) -> None:
    """Wait until somebody is connected to *port*, as its server sees it."""
    wanted, established = f":{port:04X}", "01"  # proc_net_tcp(5)
    while process.poll() is None:
        for line in Path("/proc/net/tcp").read_text().splitlines()[1:]:
            _, local, _, state, *_ = line.split()
            if local.endswith(wanted) and state == established:
                return
