"""fildes relay with a program that ends while its input is still open."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from commands import LIMIT, pipes, start


@pytest.mark.parametrize("how", ["", ",pipes", ",pty"])
@pytest.mark.parametrize("flag", [[], ["-v"]])
def test_end_of_a_program_is_the_end(how: str, flag: list[str]) -> None:
    """Who sits at the terminal need not type anything for the end to be noticed."""
    argv = [*flag, "-", f"EXEC:echo all there is{how}"]
    with start("relay", *argv, stdin=subprocess.PIPE) as process:
        stdin, stdout, _ = pipes(process)
        assert stdout.read().split() == [b"all", b"there", b"is"]
        assert process.wait(LIMIT) == 0
        stdin.close()


@pytest.mark.parametrize("how", ["", ",pipes"])
def test_failure_of_a_program_is_one(how: str) -> None:
    """A program that fails makes the relay fail, whatever its input would have been."""
    with start("relay", "-", f"EXEC:false{how}", stdin=subprocess.PIPE) as process:
        stdin, _, stderr = pipes(process)
        assert process.wait(LIMIT) == 18
        assert b"ended with status 1" in stderr.read()
        stdin.close()


def test_program_that_has_only_said_all_is_served(tmp_path: Path) -> None:
    """A program that has closed its output and goes on reading gets all of it."""
    code = (
        f"import os; os.close(1); open({str(tmp_path / 'got')!r}, 'wb').write(open(0, 'rb').read())"
    )
    script = tmp_path / "script.py"
    script.write_text(code)
    argv = ["-", f"EXEC:{sys.executable} {script},pipes"]
    with start("relay", *argv, stdin=subprocess.PIPE) as process:
        stdin, stdout, _ = pipes(process)
        stdin.write(b"first ")
        stdin.flush()
        stdin.write(b"and last")
        stdin.close()
        assert stdout.read() == b""
        assert process.wait(LIMIT) == 0
    assert (tmp_path / "got").read_bytes() == b"first and last"
