"""exec with pty and pipes: the same conversation with a program, by other means."""

from __future__ import annotations

import signal
import subprocess
import time

import pytest

import fildes

HOW = ["pipes=on", "pty=on&echo=off", "setsid=on"]


@pytest.mark.parametrize("how", HOW)
def test_late_answer_comes_back(how: str) -> None:
    """EXECPIPESFLUSH, EXECPTY: a program that answers only after its input has ended does so."""
    with fildes.open(f"exec:sort?{how}") as f:
        f.write(b"b\na\n")
        f.half_close()
        assert f.read().replace(b"\r", b"") == b"a\nb\n"


@pytest.mark.parametrize("how", HOW)
def test_status_is_the_verdict(how: str) -> None:
    """A program that fails makes close raise, with its status."""
    f = fildes.open(f"exec:sh?arg=-c&arg=echo%20half%3B%20exit%203&{how}")
    assert f.readline().strip() == b"half"
    assert f.read() == b""
    with pytest.raises(ChildProcessError, match="ended with status 3"):
        f.close()


@pytest.mark.parametrize("how", HOW)
def test_no_other_descriptors(how: str) -> None:
    """EXEC_FDS: the program holds the descriptors 0, 1 and 2, and nothing else."""
    with fildes.open(f"exec:ls?arg=/proc/self/fd&{how}", "rb") as f:
        assert f.read().split() == [b"0", b"1", b"2", b"3"]  # 3: the directory it reads


@pytest.mark.parametrize("how", HOW)
@pytest.mark.parametrize("mode", ["r+b", "rb", "wb"])
def test_exception_kills(how: str, mode: str) -> None:
    """An exception in the with block does not wait for the program."""
    with pytest.raises(ZeroDivisionError), fildes.open(f"exec:sleep?arg=1000&{how}", mode):
        raise ZeroDivisionError


@pytest.mark.parametrize("how", HOW)
def test_program_that_cannot_start(how: str) -> None:
    """A program that is not there is the error of execve(2)."""
    with pytest.raises(FileNotFoundError):
        fildes.open(f"exec:no-such-program?{how}")


def test_terminal_controls_the_program() -> None:
    """The pseudoterminal is the program's controlling terminal, of the size that was asked for."""
    code = (
        "tty <&0; stty size; [ $(ps -o sid= -p $$) -eq $$ ] && echo leads; : </dev/tty && echo ok"
    )
    f = fildes.open(fildes.Exec("sh", "-c", code).replace(
        options=(("arg", ("-c", code)), ("pty", True), ("size", "100x30"))
    ), "r+t")  # fmt: skip
    with f:
        tty, *rest = f.read().split("\n")
    assert tty.startswith("/dev/pts/")
    assert rest == ["30 100", "leads", "ok", ""]


def test_typed_characters_are_signals() -> None:
    """Ctrl-C on its terminal interrupts the program, as in front of a screen."""
    f = fildes.open("exec:sh?arg=-c&arg=echo%20ready%3B%20exec%20sleep%201000&pty=on")
    assert f.readline() == b"ready\r\n"
    f.write(b"\x03")
    assert f.read(2) == b"^C"
    for use in (f.read, f.close):
        with pytest.raises(ChildProcessError) as caught:
            use()
        assert caught.value.status == -signal.SIGINT  # type: ignore[attr-defined]  # documented


def test_error_messages_on_the_terminal(capfd: pytest.CaptureFixture[str]) -> None:
    """Error messages go to the terminal only if asked to."""
    shell = "exec:sh?arg=-c&arg=echo%20oops%20>%262&pty=on".replace(">", "%3E")
    with fildes.open(f"{shell}&stderr=stdout") as f:
        assert f.read() == b"oops\r\n"
    with fildes.open(shell) as f:
        assert f.read() == b""
    assert capfd.readouterr().err == "oops\n"


def test_close_ends_a_program_that_reads() -> None:
    """Close types an end of file, so that a program which reads ends by itself, and well."""
    with fildes.open("exec:sh?arg=-c&arg=cat%20-%20%3E/dev/null&pty=on") as f:
        f.write(b"to the end\n")


@pytest.mark.slow
def test_close_hangs_up() -> None:
    """EXECPTYKILL: a program that does not end is hung up, one that does not mind is killed."""
    began = time.monotonic()
    with fildes.open("exec:sleep?arg=1000&pty=on"):
        pass
    deaf = "trap%20''%20HUP%3B%20echo%20deaf%3B%20while%20%3A%3B%20do%20sleep%201000%3B%20done"
    with fildes.open(f"exec:sh?arg=-c&arg={deaf}&pty=on&raw=on") as f:
        assert f.readline() == b"deaf\n"
    assert time.monotonic() - began < 20


def test_interactive_shell() -> None:
    """A shell on a terminal has job control and knows that it is interactive."""
    with fildes.open("exec:sh?arg=-i&pty=on&echo=off&stderr=null&env=PS1=") as f:
        f.write(b"case $- in *i*) echo interactive;; esac\nexit\n")
        assert b"interactive" in f.read()


def test_pipes_are_pipes() -> None:
    """With pipes the program's standard input and output are pipes."""
    code = "stat -L -c %F /proc/self/fd/0 /proc/self/fd/1"
    with fildes.open(fildes.Exec("sh", "-c", code).replace(
        options=(("arg", ("-c", code)), ("pipes", True))
    )) as f:  # fmt: skip
        assert f.read() == b"fifo\nfifo\n"


def test_pipes_over_one_descriptor() -> None:
    """What has two descriptors is given out as one, by a bridge."""
    with fildes.open("exec:echo?arg=data&pipes=on") as f:
        assert subprocess.run(["cat"], stdin=f, stdout=subprocess.PIPE).stdout == b"data\n"


def test_one_connection_is_enough() -> None:
    """Pipes and a pty at once are an error."""
    with pytest.raises(fildes.AddressError, match="not by both"):
        fildes.open("exec:true?pty=on&pipes=on")
