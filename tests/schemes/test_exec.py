"""exec: a program as a conversation."""

from __future__ import annotations

import errno
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from tls_cases import cat

import fildes

PYTHON = sys.executable

#: By what a program is connected, where its end is one.
CONNECTIONS = pytest.mark.parametrize("how", [{}, {"pipes": True}])
MODES = pytest.mark.parametrize("mode", ["rb", "r+b"])


def test_conversation() -> None:
    """What is written is the program's input, its output is read, half-close its end."""
    with fildes.open("exec:sort?arg=-n") as f:
        f.write(b"10\n9\n")
        f.half_close()
        assert f.read() == b"9\n10\n"


def test_missing_program_is_said() -> None:
    """It is the program that is not there, unless it is its directory."""
    for address, told in (("exec:/no/such", True), ("exec:cat?cwd=/no/such", False)):
        with pytest.raises(FileNotFoundError) as caught:
            fildes.open(address)
        failure = fildes.failure_of(caught.value)
        assert failure is not None
        assert ("no such program" in failure.advice) == told


def test_arguments_are_data() -> None:
    """Each argument arrives as one element of argv, whatever characters it has."""
    words = ["a b;c$(d)", "", "*", "'\"\\", "&|<>", "ü", "::", "?x=1#"]
    with fildes.open(fildes.Exec("printf", "%s\\0", *words), "rb") as f:
        assert f.read().decode().split("\0")[:-1] == words


def test_typed_address_is_the_text() -> None:
    """Exec gives the address that the same text would."""
    address = fildes.Exec("grep", "-c", "a b", cwd="/", stderr="null")
    assert str(address) == "exec://grep?arg=-c&arg=a%20b&cwd=/&stderr=null"


def test_child_has_three_descriptors() -> None:
    """X4: the program holds the descriptors 0, 1 and 2, and nothing else."""
    source, sink = os.pipe()
    with open(source, "rb"), open(sink, "wb"):
        os.set_inheritable(source, True)
        with fildes.open("exec:ls?arg=/proc/self/fd", "rb") as f:
            assert f.read().split() == [b"0", b"1", b"2", b"3"]  # 3: the directory it reads


@pytest.mark.parametrize("setsid", [True, False])
def test_program_may_have_a_session_of_its_own(setsid: bool) -> None:
    """With setsid the program leads a new session; else it belongs to ours."""
    with fildes.open(fildes.Exec("cat", "/proc/self/stat"), "rb", exec={"setsid": setsid}) as f:
        fields = f.read().split()
    pid, session = int(fields[0]), int(fields[5])  # proc(5)
    assert session == (pid if setsid else os.getsid(0))


def test_status_is_the_verdict() -> None:
    """A program that fails makes close() raise, with the status; what it wrote is read."""
    f = fildes.open(fildes.Exec("sh", "-c", "echo half; exit 3"))
    assert f.read() == b"half\n"
    with pytest.raises(ChildProcessError, match="sh ended with status 3") as caught:
        f.close()
    failure = fildes.failure_of(caught.value)
    assert failure is not None
    assert (caught.value.errno, failure.step) == (errno.EIO, "close")
    assert caught.value.status == 3  # type: ignore[attr-defined]  # documented
    assert f.closed


@pytest.mark.parametrize("how", [{}, {"pipes": True}, {"pty": True}])
@MODES
def test_death_by_a_signal_is_no_end(how: dict[str, bool], mode: str) -> None:
    """What a killed program has said is read, and then there is an error, no end of file."""
    f = fildes.open(fildes.Exec("sh", "-c", "printf half; kill -9 $$"), mode, exec=how)
    assert f.read(4) == b"half"
    for use in (f.read, f.read, f.close):
        with pytest.raises(ChildProcessError, match="killed by signal 9") as caught:
            use()
        assert caught.value.status == -9  # type: ignore[attr-defined]  # documented
    assert f.closed


def test_output_may_end_before_the_program(tmp_path: Path) -> None:
    """Who has closed its output and lives on has said all: that is an end at once."""
    code = f"import os; os.write(1, b'all'); os.close(1); open({str(tmp_path / 'p')!r}).read()"
    os.mkfifo(tmp_path / "p")
    with fildes.open(fildes.Exec(PYTHON, "-c", code), exec={"pipes": True}) as f:
        assert f.read() == b"all"
        (tmp_path / "p").write_text("now it may end")


def test_failure_without_output_is_told() -> None:
    """A program that is only written to, and fails, is no success."""
    with pytest.raises(ChildProcessError):
        fildes.open("exec:false").close()


def test_input_that_is_not_taken_is_told() -> None:
    """Writing to a program that has ended is a broken pipe, in the with block as well."""
    f = fildes.open("exec:false")
    assert f.read() == b""
    with pytest.raises(BrokenPipeError), f:
        f.write(b"into the void")


def test_reading_a_part_is_no_error() -> None:
    """A program that dies of writing what is not read has not failed."""
    with fildes.open("exec:yes?stderr=null") as f:
        assert f.readline() == b"y\n"


def test_unread_input_is_no_error() -> None:
    """A program that ends without reading all its input ends its output cleanly."""
    with fildes.open("exec:head?arg=-c1") as f:
        f.write(b"x" * 100_000)
        assert f.read() == b"x"


def test_abort_kills() -> None:
    """An aborted program is killed and waited for, which is no error."""
    f = fildes.open("exec:sleep?arg=1000")
    f.abort()
    assert f.closed


@pytest.mark.parametrize("mode", ["r+b", "rb", "wb"])
def test_exception_kills(mode: str) -> None:
    """An exception in the with block does not wait for the program."""
    with pytest.raises(ZeroDivisionError), fildes.open("exec:sleep?arg=1000", mode):
        raise ZeroDivisionError


def test_forgotten_file_kills() -> None:
    """A file that is dropped open warns, and leaves no child."""
    f = fildes.open("exec:sleep?arg=1000")
    with pytest.warns(ResourceWarning, match="unclosed"):
        del f


def test_reading_only_has_no_input() -> None:
    """Opened for reading, the program's standard input is empty."""
    with fildes.open("exec:cat", "rb") as f:
        assert f.read() == b""
        assert not f.writable()


def test_writing_only_writes_to_our_output(capfd: pytest.CaptureFixture[str]) -> None:
    """Opened for writing, the program writes where we do; close waits for it."""
    with fildes.open("exec:cat", "wb") as f:
        f.write(b"out")
    assert capfd.readouterr().out == "out"


@pytest.mark.parametrize(
    ("where", "read", "ours"),
    [("inherit", b"", "oops\n"), ("null", b"", ""), ("stdout", b"oops\n", "")],
)
def test_stderr(where: str, read: bytes, ours: str, capfd: pytest.CaptureFixture[str]) -> None:
    """Error messages go where the option says."""
    with fildes.open(fildes.Exec("sh", "-c", "echo oops >&2", stderr=where)) as f:
        assert f.read() == read
    assert capfd.readouterr().err == ours


def test_cwd_and_env(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The program starts in cwd, with env added to our environment."""
    monkeypatch.setenv("OURS", "1")
    env = {"THEIRS": "a=b", "EMPTY": ""}
    code = 'pwd; echo "$OURS $THEIRS ${EMPTY-unset}"'
    with fildes.open(fildes.Exec("sh", "-c", code, cwd=str(tmp_path), env=env), "rt") as f:
        assert f.read() == f"{tmp_path}\n1 a=b \n"


def test_env_is_secret() -> None:
    """The values of env show in no text and no error."""
    address = fildes.Exec("no-such-program", env={"TOKEN": "hunter2"})
    with pytest.raises(FileNotFoundError) as caught:
        fildes.open(address)
    shown = f"{address} {address!r} {caught.value} {caught.value.__notes__}"
    assert "hunter2" not in shown


def test_env_without_a_name_is_refused() -> None:
    """An env that is no NAME=VALUE is an address error."""
    with pytest.raises(fildes.AddressError, match="NAME=VALUE"):
        fildes.open("exec:true?env=x")


@pytest.mark.parametrize(
    ("address", "kind"),
    [
        ("exec:no-such-program", FileNotFoundError),
        ("exec:/etc/passwd", PermissionError),
        ("exec:true?cwd=/no/such/directory", FileNotFoundError),
    ],
)
def test_program_that_cannot_start(address: str, kind: type[OSError]) -> None:
    """What cannot be started is the error of execve(2) or chdir(2), in step connect."""
    with pytest.raises(kind) as caught:
        fildes.open(address)
    failure = fildes.failure_of(caught.value)
    assert failure is not None
    assert failure.step == "connect"


def test_untrusted_addresses_run_nothing() -> None:
    """N9: under the untrusted policy no program is started."""
    for address in ("exec:id", "fd:3", "unix:/x", "./x", "-"):
        with pytest.raises(PermissionError):
            fildes.open(address, policy=fildes.Policy.untrusted())


@MODES
@CONNECTIONS
def test_program_reads_the_descriptor(how: dict[str, bool], mode: str) -> None:
    """Another program can read all the output from the bare descriptor, and its end."""
    with fildes.open("exec:seq?arg=200000", mode, exec=how) as f:
        assert cat(f) == (0, b"".join(b"%d\n" % number for number in range(1, 200_001)))


@MODES
@CONNECTIONS
def test_death_by_a_signal_is_no_end_for_others(how: dict[str, bool], mode: str) -> None:
    """Another program that reads the descriptor gets an error behind what a killed one said."""
    f = fildes.open(fildes.Exec("sh", "-c", "printf half; kill -9 $$"), mode, exec=how)
    assert cat(f) == (1, b"half")
    with pytest.raises(ChildProcessError, match="killed by signal 9"):
        f.close()


@MODES
@CONNECTIONS
def test_status_is_for_close_alone_to_tell(how: dict[str, bool], mode: str) -> None:
    """A program that fails has said all: who reads the descriptor gets all, and an end."""
    f = fildes.open(fildes.Exec("sh", "-c", "seq 200000; exit 3"), mode, exec=how)
    status, data = cat(f)
    assert (status, data[-7:]) == (0, b"200000\n")
    with pytest.raises(ChildProcessError, match="status 3"):
        f.close()


@MODES
@CONNECTIONS
def test_output_that_ends_before_the_program(
    how: dict[str, bool], mode: str, tmp_path: Path
) -> None:
    """The end of an output is one for who reads the descriptor, though the program lives on."""
    os.mkfifo(tmp_path / "p")
    code = f"printf all; exec <&- >&-; head -c1 <'{tmp_path}/p' >&2"
    with fildes.open(fildes.Exec("sh", "-c", code), mode, exec=how) as f:
        assert cat(f) == (0, b"all")
        (tmp_path / "p").write_text("now it may end")


@pytest.mark.parametrize("how", [{}, {"pipes": True}])
def test_program_writes_to_the_descriptor(how: dict[str, bool]) -> None:
    """Another program can hold the whole conversation over the descriptor."""
    with fildes.open(fildes.Exec("sed", "-u", "s/^/you said /"), exec=how) as f:
        talker = ["sh", "-c", 'echo hello; read answer; test "$answer" = "you said hello"']
        assert subprocess.run(talker, stdin=f, stdout=f, check=False).returncode == 0


def test_descriptor_of_a_terminal_is_the_terminal() -> None:
    """A terminal's descriptor is that of the terminal, which knows no end but an error."""
    f = fildes.open("exec:printf?arg=all", exec={"pty": True})
    assert os.isatty(f.fileno())
    assert cat(f) == (1, b"all")
    f.close()


def test_program_whose_end_nobody_could_tell() -> None:
    """While SIGCHLD is ignored no program is started: its death would read as an end."""
    before = signal.signal(signal.SIGCHLD, signal.SIG_IGN)
    try:
        with pytest.raises(ChildProcessError, match="SIGCHLD") as caught:
            fildes.open("exec:true")
        assert caught.value.errno == errno.ECHILD
    finally:
        signal.signal(signal.SIGCHLD, before)
