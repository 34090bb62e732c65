"""fildes relay between two sides that are opened once."""

from __future__ import annotations

import json
import os
import pty
import re
import signal
import socket
import subprocess
import termios
from pathlib import Path

import pytest
from commands import LIMIT, RunMain, converse, fildes, pipes, read_screen, run, start
from peers import Conversation, StartPeer

from fildes.cli.status import Status

__all__ = ["fildes"]  # a fixture

TEXT = b"".join(b"line %d\n" % number for number in range(20_000))


def relay(*argv: str, given: bytes = b"") -> subprocess.CompletedProcess[bytes]:
    """Run the command with *given* on its standard input."""
    with start("relay", *argv, stdin=subprocess.PIPE) as process:
        out, err = process.communicate(given, timeout=LIMIT)
    return subprocess.CompletedProcess(argv, process.returncode, out, err)


@pytest.mark.parametrize("program", ["exec:cat", "EXEC:cat", "SYSTEM:cat"])
def test_bytes_go_both_ways(program: str) -> None:
    """What goes in comes back, whole, and the status is 0."""
    done = relay("-", program, given=TEXT)
    assert (done.returncode, done.stdout, done.stderr) == (0, TEXT, b"")


def test_one_way() -> None:
    """-u copies left to right only, -U right to left only."""
    assert relay("-u", "./pyproject.toml", "-").stdout == Path("pyproject.toml").read_bytes()
    assert relay("-U", "-", "exec:echo?arg=hi", given=b"unread").stdout == b"hi\n"


def test_document_flows_into_a_conversation(tmp_path: Path) -> None:
    """A side that can only be read is only read."""
    out = tmp_path / "out"
    done = relay("data:,hello", f"SYSTEM:cat >{out}")
    assert (done.returncode, out.read_bytes()) == (0, b"hello")


def test_dual_side_reads_here_and_writes_there(tmp_path: Path) -> None:
    """A!!B: standard input goes to the program, its answer into the file."""
    out = tmp_path / "out"
    done = relay(f"STDIN!!CREATE:{out}", "exec:tr?arg=a-z&arg=A-Z", given=b"hello")
    assert (done.returncode, done.stdout, out.read_bytes()) == (0, b"", b"HELLO")


def test_dumps_show_both_directions() -> None:
    """-v and -x show what passes, with its direction, on standard error."""
    done = relay("-v", "-x", "-", "exec:cat", given=b"hi\x1b\n")
    shown = re.sub(rb" \d\d:\d\d:\d\d\.\d{6} ", b" TIME ", done.stderr)
    row = b"00000000  68 69 1b 0a                                       hi..\n"
    for direction in (b"> ", b"< "):
        head = direction + b"TIME #1 length=4 from=0\n"
        assert head + b"hi\\x1b\\n\n" in shown
        assert head + row in shown


def test_dumps_and_copies_go_to_files(tmp_path: Path) -> None:
    """--dump FILE takes the dumps, -r and -R the bytes themselves of one direction."""
    dump, there, back = (str(tmp_path / name) for name in ("dump", "there", "back"))
    argv = ["--dump", dump, "-r", there, "-R", back, "-", "exec:tr?arg=a-z&arg=A-Z"]
    done = relay(*argv, given=b"hello")
    assert (done.stdout, done.stderr) == (b"HELLO", b"")
    assert Path(there).read_bytes() == b"hello"
    assert Path(back).read_bytes() == b"HELLO"
    assert "length=5 from=0\nhello\n" in Path(dump).read_text()


def test_dump_that_cannot_be_written(fildes: RunMain) -> None:
    """A dump to a full disk ends the relay: it was asked for."""
    ended = fildes("relay", "--dump", "/dev/full", "data:,x", "exec:cat")
    assert (ended.status, "/dev/full" in ended.err) == (Status.LOCAL_WRITE, True)


def test_events_are_lines_of_json(fildes: RunMain) -> None:
    """--json: each event is one object on one line, counts included."""
    ended = fildes("relay", "--json", "data:,hello", "SYSTEM:cat >&2")
    events = [json.loads(line) for line in ended.out.splitlines()]
    assert [event["event"] for event in events] == ["opened", "closed"]
    assert (events[0]["left"], events[0]["right"]) == (
        "data:,hello",
        "exec://sh?arg=-c&arg=cat%20%3E%262",
    )
    assert (events[1]["left_to_right"], events[1]["right_to_left"]) == (5, 0)


def test_events_stay_out_of_the_data() -> None:
    """Where standard output is a side, events go to standard error."""
    done = relay("--json", "-", "exec:cat", given=b"data")
    assert done.stdout == b"data"
    assert [json.loads(line)["event"] for line in done.stderr.splitlines()] == ["opened", "closed"]


def test_statistics_at_the_end() -> None:
    """--statistics: a last line with the counts of both directions."""
    done = relay("--statistics", "-", "exec:cat", given=TEXT)
    assert b"%d bytes left to right, %d right to left" % (len(TEXT), len(TEXT)) in done.stderr


def test_statistics_on_demand() -> None:
    """SIGUSR1: the counts so far, and the relay goes on."""
    with start("relay", "-", "exec:cat", stdin=subprocess.PIPE) as process:
        stdin, _, stderr = pipes(process)
        assert converse(process, b"12345", 5) == b"12345"
        process.send_signal(signal.SIGUSR1)
        line = stderr.readline()
        stdin.close()
        assert process.wait(LIMIT) == 0
    assert re.search(rb"5 bytes left to right, [05] right to left", line)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP, signal.SIGINT])
def test_signals_end_it(number: signal.Signals) -> None:
    """EXITCODESIG: the process dies by the signal, and the program with it."""
    with start("relay", "-", "SYSTEM:echo $$; exec cat", stdin=subprocess.PIPE) as process:
        stdin, stdout, _ = pipes(process)
        child = int(stdout.readline())
        process.send_signal(number)
        assert process.wait(LIMIT) == -number
        stdin.close()
    with pytest.raises(ProcessLookupError):
        os.kill(child, 0)


def test_failed_open_is_tried_again(fildes: RunMain) -> None:
    """--retry N: so many more tries, each failure told; then the status of the last."""
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        address = f"tcp://127.0.0.1:{closed.getsockname()[1]}"
        ended = fildes("relay", "--retry", "2", "--interval", "0.01", "data:,x", address)
    assert ended.status == Status.CONNECT
    assert [" trying again in 0.01 s" in line for line in ended.err.splitlines()] == [
        True, True, False
    ]  # fmt: skip


def test_retry_succeeds_in_the_end(tmp_path: Path) -> None:
    """forever: it is tried until somebody listens."""
    path = tmp_path / "socket"
    argv = ["-", f"UNIX-CONNECT:{path},forever,interval=0.02"]
    with start("relay", *argv, stdin=subprocess.PIPE) as process:
        _, _, stderr = pipes(process)
        assert b"trying again" in stderr.readline()
        with socket.socket(socket.AF_UNIX) as listener:
            listener.bind(str(path))
            listener.listen()
            listener.settimeout(LIMIT)
            with listener.accept()[0] as peer:
                peer.sendall(b"here")
        out, _ = process.communicate(b"", timeout=LIMIT)
    assert (process.returncode, out) == (0, b"here")


@pytest.mark.parametrize(("argv", "status"), [
    (["-", "exec:cat"], Status.COMPLETE),
    (["-"], Status.USAGE),
    (["a", "b", "c"], Status.USAGE),
    (["--retry", "x", "-", "-"], Status.USAGE),
    (["--eof", "never", "-", "-"], Status.USAGE),
    (["-", "nothing"], Status.ADDRESS),
    (["TCP:x", "-"], Status.ADDRESS),
    (["TCP-LISTEN:1,fork", "TCP-LISTEN:2,fork"], Status.ADDRESS),
    (["--untrusted", "-", "exec:cat"], Status.POLICY),
    (["-", "unix:/no/such/socket"], Status.CONNECT),
    (["-", "GOPEN:/no/such/directory/file"], Status.CONNECT),
    (["-", "OPEN:/"], Status.CONNECT),
    (["-", "exec:false"], Status.INCOMPLETE),
    (["-T", "0.05", "STDIO,ignoreeof", "exec:cat"], Status.TIMEOUT),
])  # fmt: skip
def test_statuses_tell_failures_apart(argv: list[str], status: Status) -> None:
    """C3: each kind of failure has its status, and one line that says what it was."""
    done = relay(*argv)
    assert done.returncode == status
    assert len(done.stderr.splitlines()) == (status != Status.COMPLETE)


@pytest.mark.parametrize(("left", "right", "which"), [
    ("tcp-listen://:99999", "tcp://h:1", "LEFT"),
    ("-", "tcp://h:99999", "RIGHT"),
    ("-", "TCP:h", "RIGHT"),
])  # fmt: skip
def test_mistake_in_an_address_says_its_side(
    fildes: RunMain, left: str, right: str, which: str
) -> None:
    """Which of two addresses is none is told, where nothing of it may be shown."""
    ended = fildes("relay", left, right)
    assert (ended.status, ended.out) == (Status.ADDRESS, "")
    assert ended.err.startswith(f"fildes: {which}: ")


@pytest.mark.slow
def test_eof_policies() -> None:
    """--eof first and linger end a relay whose other side says no end; -t is linger."""
    for argv in (["--eof", "first"], ["--eof", "linger:0.01"], ["-t", "0.01"]):
        done = relay(*argv, "-", "SYSTEM:exec sleep 1000")
        assert done.returncode == Status.COMPLETE
    done = relay("--eof", "ignore", "-T", "0.05", "-", "exec:cat")
    assert done.returncode == Status.TIMEOUT


def test_max_bytes_ends_a_direction() -> None:
    """--max-bytes N: a direction ends after N bytes, wherever the other one is."""
    assert relay("--max-bytes", "3", "-", "exec:cat", given=b"hello").stdout == b"hel"


def test_terminal_is_restored() -> None:
    """STDIO,raw: the terminal is raw during the relay, and as before after it."""
    ours, theirs = pty.openpty()
    with open(ours, "r+b", 0), open(theirs, "r+b", 0) as tty:
        before = termios.tcgetattr(tty)
        argv = ["STDIO,raw,echo=0,escape=0x1d", "SYSTEM:stty -a <&2"]
        with start("relay", *argv, stdin=tty, stderr=tty) as process:
            assert process.stdout is not None
            modes = process.stdout.read()
            os.write(ours, b"\x1d")
            assert process.wait(LIMIT) == 0
        assert b" -icanon" in modes
        assert b" -echo " in modes
        assert termios.tcgetattr(tty) == before


def test_progress_is_for_terminals(tmp_path: Path) -> None:
    """A transfer between files says nothing where nobody looks."""
    done = run("relay", "-u", "./pyproject.toml", str(tmp_path / "out"))
    assert (done.returncode, done.stderr) == (0, b"")
    assert (tmp_path / "out").read_bytes() == Path("pyproject.toml").read_bytes()


def test_progress_on_a_terminal(tmp_path: Path) -> None:
    """A transfer between files shows its progress where somebody looks."""
    ours, theirs = pty.openpty()
    with open(ours, "rb", 0) as screen:
        with open(theirs, "wb", 0) as tty:
            how = {"stdin": subprocess.DEVNULL, "stdout": subprocess.DEVNULL, "stderr": tty}
            process = start("relay", "-u", "./pyproject.toml", str(tmp_path / "out"), **how)
        with process:
            shown = read_screen(screen)
            assert process.wait(LIMIT) == 0
    assert re.search(rb"relay  [0-9.]+ KiB", shown)


def test_readers_that_go_away_end_it_quietly() -> None:
    """C4: in `fildes relay ... | head` the reader has seen enough: no message, no traceback."""
    with start("relay", "-U", "-", "exec:yes?stderr=null", stdin=subprocess.PIPE) as process:
        stdin, stdout, stderr = pipes(process)
        assert stdout.read(2) == b"y\n"
        stdout.close()
        assert process.wait(LIMIT) == -signal.SIGPIPE
        assert stderr.read() == b""
        stdin.close()


@pytest.mark.parametrize("sink", ["OPEN:/dev/full,wronly", "GOPEN:/dev/full", "/dev/full"])
def test_full_disks_are_local_errors(sink: str) -> None:
    """C6: what cannot be written here has a status of its own."""
    done = relay("-u", "-", sink, given=TEXT)
    assert done.returncode == Status.LOCAL_WRITE
    assert b"No space left on device" in done.stderr


def test_connecting_again_and_again(peer: StartPeer) -> None:
    """fork on a side that connects: when one relay is over the next one begins."""

    def ask(talk: Conversation) -> None:
        talk.send(b"hello\n")
        talk.fin()
        assert talk.recv_all() == b"HELLO\n"

    server = peer(ask, ask)
    target = f"TCP:127.0.0.1:{server.port},fork,interval=0.01"
    done = relay(target, "EXEC:tr a-z A-Z")
    assert done.returncode == Status.CONNECT  # the third time nobody listens
    assert b"Connection refused" in done.stderr


def test_help_has_a_line_of_socat(fildes: RunMain) -> None:
    """--help says that a socat user's line will do, and shows one."""
    ended = fildes("relay", "--help")
    assert "TCP-LISTEN:8080,reuseaddr,fork" in ended.out
