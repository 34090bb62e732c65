"""Measures of start-up: the import, and the whole command."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

from measuring import (
    ROOT,
    Run,
    in_milliseconds,
    measure,
    milliseconds_more,
    time_ratio,
    timed,
)
from servers import nginx

ENVIRONMENT = {**os.environ, "PYTHONPATH": str(ROOT / "src")}
ENVIRONMENT.pop("PYTHONDONTWRITEBYTECODE", None)  # what is installed has been compiled

SCRIPT = Path(sys.executable).with_name("fildes")
START = "import sys; from fildes.cli import main; sys.exit(main())"

#: What runs our command.
FILDES = [str(SCRIPT)] if SCRIPT.exists() else [sys.executable, "-c", START]

IMPORT = """\
import time
began = time.perf_counter()
import socket, ssl
{more}
print(time.perf_counter() - began)
"""

WITH_HTTP_CLIENT = """\
import http.client, sys
connection = http.client.HTTPConnection("127.0.0.1", {port})
connection.request("GET", "/small")
sys.stdout.buffer.write(connection.getresponse().read())
"""


@measure(
    "`import fildes`, beyond `import socket, ssl`",
    milliseconds_more(25),
    repeats=25,
    show=in_milliseconds,
)
def importing() -> Iterator[tuple[Run, Run]]:
    def run(more: str) -> float:
        command = [sys.executable, "-c", IMPORT.format(more=more)]
        done = subprocess.run(command, env=ENVIRONMENT, stdout=subprocess.PIPE, check=True)
        return float(done.stdout)

    yield lambda: run("import fildes"), lambda: run("")


@measure(
    "`fildes cat` of a small http document, against `python3 -c` with `http.client`",
    time_ratio(1.5),
    repeats=25,
    show=in_milliseconds,
)
def whole_command() -> Iterator[tuple[Run, Run]]:
    with nginx(small=1000) as (port, _, _):
        theirs = [sys.executable, "-c", WITH_HTTP_CLIENT.format(port=port)]

        def run(command: list[str]) -> None:
            done = subprocess.run(command, env=ENVIRONMENT, stdout=subprocess.PIPE, check=True)
            assert len(done.stdout) == 1000

        address = f"http://127.0.0.1:{port}/small"
        yield timed(lambda: run([*FILDES, "cat", address])), timed(lambda: run(theirs))
