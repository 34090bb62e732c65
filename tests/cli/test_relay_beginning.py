"""Workers of fildes relay that have not begun yet: signals, readiness, those that die."""

from __future__ import annotations

import signal
from pathlib import Path

import pytest
from relay_commands import connect, exchange
from relay_workers import answers, workers_of
from reloads import DYING, HASTY, relay_by, signalled


@pytest.mark.parametrize("signum", ["SIGHUP", "SIGUSR1"])
def test_signal_before_there_are_workers(signum: str, tmp_path: Path) -> None:
    """A signal that comes as soon as it listens is seen to once there are workers."""
    path = tmp_path / "relays.toml"
    path.write_text('[relay.a]\nlisten = "tcp-listen://:0"\nconnect = "exec:cat"\n')
    with signalled(signum, "--workers", "2", "--config", str(path)) as running:
        lines = [running.err.readline(), running.err.readline()]
        if signum == "SIGHUP":
            assert lines == [b"fildes: 2 workers\n", b"fildes: reloaded: 1 relay listening\n"]
        else:  # where workers are slow to begin their counts are not waited for
            assert b"fildes: 2 workers\n" in lines
            assert any(b"1 relay, 0 open" in line for line in lines)
        with connect(running) as sock:
            assert exchange(sock, b"hello") == b"hello"
        running.process.terminate()
        assert running.wait() == 0


def test_worker_that_has_to_end_before_it_has_begun() -> None:
    """SIGTERM reaches a worker that is just being started, too, and all of them end."""
    with signalled("SIGTERM", "--workers", "2", "TCP-L:0,fork", "PIPE", by=HASTY) as running:
        assert running.wait() == 0


def test_workers_are_there_once_all_of_them_accept(tmp_path: Path) -> None:
    """A worker that ends before it accepts is replaced before all are said to be there."""
    path = tmp_path / "dying"
    path.touch()
    with relay_by(DYING, str(path), "--workers", "2", "TCP-L:0,fork", "PIPE") as running:
        assert b"ended with status 3; another starts in 0.1 s" in running.err.readline()
        assert running.err.readline() == b"fildes: 2 workers\n"
        running.process.terminate()
        assert running.wait() == 0


def test_old_workers_go_on_until_new_ones_accept(tmp_path: Path) -> None:
    """SIGHUP: a new worker that ends before it accepts is replaced before it is reloaded."""
    path, dying = tmp_path / "relays.toml", tmp_path / "dying"
    path.write_text('[relay.a]\nlisten = "tcp-listen://:0"\nconnect = "SYSTEM:echo $PPID"\n')
    with relay_by(DYING, str(dying), "--workers", "2", "--config", str(path)) as running:
        assert running.err.readline() == b"fildes: 2 workers\n"
        old = workers_of(running)
        dying.touch()
        running.process.send_signal(signal.SIGHUP)
        assert b"ended with status 3" in running.err.readline()
        assert set(old) <= set(workers_of(running))
        assert running.err.readline() == b"fildes: reloaded: 1 relay listening\n"
        while set(workers_of(running)) & set(old):
            pass
        assert answers(running.port, 4) <= {b"%d\n" % pid for pid in workers_of(running)}
        running.process.terminate()
        assert running.wait() == 0
