"""What all commands share: arguments, messages, exit statuses."""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path

import pytest
from commands import RunMain, fildes, run, start
from peers import Conversation, StartPeer

from fildes import advice
from fildes.cli.command import COMMANDS
from fildes.cli.completion import openings
from fildes.cli.reporting import OPTION_OF_ARGUMENT, for_shell
from fildes.opening import registry

__all__ = ["fildes"]


@pytest.mark.parametrize(
    ("argv", "status", "message"),
    [
        ([], 2, "say what to do: cat, get"),
        (["ct", "tcp://h:1"], 2, "no command 'ct'; did you mean cat?"),
        (["tcp://h:1"], 2, "say what to do with the address: fildes cat ADDRESS"),
        (["cat"], 2, "the following arguments are required: ADDRESS (try fildes cat --help)"),
        (["cat", "--nonsense", "tcp://h:1"], 2, "no option --nonsense"),
        (["cat", "--time", "3", "tcp://h:1"], 2, "no option --time"),
        (["cat", "--timeout", "soon", "tcp://h:1"], 2, "'soon' is not a number of seconds"),
        (["cat", "--timeout", "-1", "tcp://h:1"], 2, "--timeout"),
        (["cat", "--timeout", "nan", "tcp://h:1"], 2, "'nan' is not a number of seconds"),
        (["cat", "-O", "nodelay=on", "tcp://h:1"], 2, "-O takes SCHEME.NAME=VALUE"),
        (["cat", "-O", "tcp.nodelay", "tcp://h:1"], 2, "-O takes SCHEME.NAME=VALUE"),
        (["get", "-O", "http://example.com/?a=1"], 2, "-O takes SCHEME.NAME=VALUE"),
        (["cat", "-O", "tcp.delay=on", "tcp://h:1"], 2, "-O: tcp has no option"),
        (["cat", "-O", "tpc.nodelay=on", "tcp://h:1"], 2, "did you mean tcp?"),
        (["cat", "-O", "tcp.nodelay=maybe", "tcp://h:1"], 2, "nodelay takes on or off"),
        (["cat", "-H", "nonsense", "tcp://h:1"], 2, "-H takes a header field"),
        (["run", "tcp://h:1"], 2, "say which program"),
        (["help", "tpc"], 2, "unknown scheme 'tpc'; did you mean tcp?"),
        (["cat", "name"], 3, "name has no scheme: write ./name for a file"),
        (["cat", "tcp://host"], 3, "port"),
        (["cat", "tcp://host:1 "], 3, ""),
        (["get", "tcp://host:99999"], 3, "port"),
        (["cat", "tcp://nosuch.invalid:1"], 6, "unable to open tcp://nosuch.invalid:1: "),
        (["cat", "tcp://127.0.0.1:1"], 7, "Connection refused (nothing listens there"),
        (["--untrusted", "cat", "tcp://127.0.0.1:1"], 4, "not on the public network"),
    ],
)
def test_failure_is_one_line_and_a_status(
    fildes: RunMain, argv: list[str], status: int, message: str
) -> None:
    """Each kind of failure has a status of its own, and one line that says what to do."""
    done = fildes(*argv)
    assert (done.status, done.out) == (status, "")
    assert re.fullmatch(r"fildes: [^\n]+\n", done.err)
    assert message in done.err


@pytest.mark.parametrize("argv", [
    ["{0}", "--timeout", "9", "{1}"],
    ["{0}", "{1}", "--timeout", "9"],
    ["--timeout", "9", "--", "{0}", "{1}"],
])  # fmt: skip
def test_options_stand_anywhere(fildes: RunMain, tmp_path: Path, argv: list[str]) -> None:
    """Options stand before, between and behind addresses."""
    paths = [tmp_path / "one", tmp_path / "two"]
    for path in paths:
        path.write_text(f"{path.name}\n")
    done = fildes("cat", *(word.format(*paths) for word in argv))
    assert done == (0, "one\ntwo\n", "")


def test_deadline_has_a_status(fildes: RunMain, peer: StartPeer) -> None:
    """A time limit that passed while reading is told apart from a broken connection."""
    server = peer(Conversation.stall)
    done = fildes("cat", "--idle-timeout", "0.01", server.address())
    assert (done.status, done.out) == (28, "")
    assert "no byte for 0.01 s" in done.err


def test_options_may_stand_before_the_command(fildes: RunMain, peer: StartPeer) -> None:
    """The options that all commands share may be written first, as with git."""
    server = peer(lambda talk: talk.send(b"x"))
    assert fildes("--timeout", "5", "cat", server.address()) == (0, "x", "")


def test_familiar_spelling(fildes: RunMain, peer: StartPeer) -> None:
    """The command line takes host:port and Plan 9's spelling."""
    server = peer(lambda talk: talk.send(b"a"), lambda talk: talk.send(b"b"))
    plain, plan9 = f"127.0.0.1:{server.port}", f"tcp!127.0.0.1!{server.port}"
    assert fildes("cat", plain, plan9).out == "ab"


def test_verbose_tells_each_step(fildes: RunMain, peer: StartPeer) -> None:
    """-v writes each step of the open on standard error, failed ones included."""
    server = peer(lambda talk: None)
    done = fildes("cat", "-v", f"tcp://localhost:{server.port}", "tcp://127.0.0.1:1")
    assert re.match(r"fildes: resolve localhost \([0-9.]+ m?s\)\nfildes: connect ", done.err)
    assert "fildes: connect 127.0.0.1:1 (" in done.err
    assert "): Connection refused\n" in done.err


def test_advice_is_for_the_command_line() -> None:
    """Advice names the options of the command, not the arguments of Python's open."""
    texts = [*advice.BY_ERRNO.values(), *advice.BY_VERIFY_CODE.values()]
    for argument, option in OPTION_OF_ARGUMENT.items():
        written = [text for text in texts if argument in text]
        assert written
        assert all(option in for_shell(text) for text in written)


def test_traceback_only_when_asked(fildes: RunMain) -> None:
    """--debug shows where an error came from; without it nobody sees a traceback."""
    assert "Traceback" in fildes("cat", "--debug", "tcp://127.0.0.1:1").err
    assert "Traceback" not in fildes("cat", "tcp://127.0.0.1:1").err


def test_mistake_of_ours_is_said(fildes: RunMain, monkeypatch: pytest.MonkeyPatch) -> None:
    """A bug ends with one line and status 1, not with a traceback."""
    monkeypatch.setattr("fildes.cli.cat.copy", lambda *_, **__: 1 // 0)
    monkeypatch.setattr("fildes.cli.cat.open_for_reading", lambda *_: open("/dev/null"))
    done = fildes("cat", "tcp://127.0.0.1:1")
    assert done.status == 1
    assert done.err == (
        "fildes: a mistake in fildes: ZeroDivisionError: integer division or modulo by zero"
        " (--debug shows where)\n"
    )


def test_message_cannot_drive_the_terminal(fildes: RunMain) -> None:
    """What an error quotes is made visible, on one line."""
    done = fildes("help", "\x1b]0;x\x07\ntwo")
    assert done.err.count("\n") == 1
    assert "\x1b" not in done.err


@pytest.mark.parametrize("argv", [["--help"], ["-h"], *([name, "--help"] for name in COMMANDS)])
def test_help_has_examples(fildes: RunMain, argv: list[str]) -> None:
    """Every --help says how to use the command, in 80 columns, with examples."""
    done = fildes(*argv)
    assert (done.status, done.err) == (0, "")
    assert done.out.startswith("usage: fildes")
    assert "examples:\n  " in done.out
    assert max(map(len, done.out.splitlines())) <= 86


@pytest.mark.parametrize("name", registry.known())
def test_help_tells_all_of_a_scheme(fildes: RunMain, name: str) -> None:
    """`fildes help SCHEME` shows grammar, every option and every example."""
    scheme = registry.find_scheme(name)
    done = fildes("help", name)
    assert (done.status, done.err) == (0, "")
    assert done.out.startswith(f"{name}: {scheme.summary}\n")
    for option in scheme.options:
        assert f"\n  {option.name}=" in done.out
        assert option.meaning in done.out
    for example in scheme.examples:
        assert example.address in done.out


def test_help_lists_schemes_and_commands(fildes: RunMain) -> None:
    """`fildes help` has a line for each scheme; the name of a command shows its --help."""
    listed = fildes("help").out
    for name in registry.known():
        assert f"\n  {name} " in listed
    assert fildes("help", "cat").out == fildes("cat", "--help").out


def test_version(fildes: RunMain) -> None:
    """`fildes --version` says which one it is."""
    assert re.fullmatch(r"fildes \d+\.\d+\.\d+\n", fildes("--version").out)


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_completion_is_a_script_of_its_shell(fildes: RunMain, shell: str) -> None:
    """The completion script names all commands and schemes, and its shell can parse it."""
    script = fildes("completion", shell).out
    assert all(name in script for name in [*COMMANDS, *openings(), "--idle-timeout"[2:]])
    if shutil.which(shell) is None:
        pytest.skip(f"{shell} is not installed, so its syntax is not checked")
    subprocess.run([shell, "-n"], input=script, text=True, check=True)


@pytest.mark.skipif(shutil.which("bash") is None, reason="bash is not installed")
@pytest.mark.parametrize(
    ("typed", "offered"),
    [
        ("c", {"cat", "completion"}),
        ("cat tc", {"tcp://"}),
        ("-v get --forc", {"--force"}),
        ("completion ", {"bash", "zsh", "fish"}),
    ],
)
def test_bash_completes(fildes: RunMain, typed: str, offered: set[str]) -> None:
    """In bash, commands, options and schemes are completed; the rest as files."""
    words = ["fildes", *typed.split(" ")]
    program = f"""{fildes("completion", "bash").out}
        compopt() {{ :; }}
        COMP_WORDS=("$@"); COMP_CWORD={len(words) - 1}; _fildes; printf '%s\\n' "${{COMPREPLY[@]}}"
    """
    done = subprocess.run(["bash", "-c", program, "bash", *words], capture_output=True, text=True)
    assert done.stderr == ""
    assert offered <= set(done.stdout.split())


@pytest.mark.skipif(shutil.which("fish") is None, reason="fish is not installed")
def test_fish_completes(fildes: RunMain, tmp_path: Path) -> None:
    """In fish, options are completed with what they mean."""
    script = tmp_path / "fildes.fish"
    script.write_text(fildes("completion", "fish").out)
    program = f"source {script}; complete -C 'fildes cat --untr'"
    done = subprocess.run(["fish", "--no-config", "-c", program], capture_output=True, text=True)
    assert done.stdout.startswith("--untrusted\treach the public network only")


def test_module_runs_as_the_command() -> None:
    """`python -m fildes` is the command, in a fresh process too."""
    done = run("--version")
    assert (done.returncode, done.stderr) == (0, b"")


def test_help_to_a_closed_pipe_is_quiet() -> None:
    """Paging through help and leaving early is no failure worth a word."""
    with start("help") as process:
        assert process.stdout is not None
        process.stdout.close()
        assert process.stderr is not None
        assert process.stderr.read() == b""
