"""What `fildes --help` and `fildes --version` show."""

from __future__ import annotations

from collections.abc import Mapping

from fildes.cli.output import write_text
from fildes.cli.status import Status
from fildes.version import VERSION

HEAD = """\
usage: fildes COMMAND [OPTIONS] ADDRESS...

Open anything that can be reached, and get a file.

commands:
"""

TAIL = """
examples:
  fildes cat https://example.com/
      write a document to standard output
  fildes get https://example.com/site.zip
      receive it into the file site.zip, which is there only when it is complete
  fildes run tcp://localhost:7 -- bc
      let a program talk to whoever connects, or is connected to
  fildes explain https://example.com/
      draw the steps: resolve, connect, handshake, request, response

fildes COMMAND --help tells all about a command, fildes help about addresses.
"""


def show(commands: Mapping[str, str]) -> Status:
    """Write the overview of all *commands*."""
    rows = "".join(f"  {name:11} {summary}\n" for name, summary in commands.items())
    write_text(HEAD + rows + TAIL)
    return Status.COMPLETE


def show_version() -> Status:
    """Write the name and version."""
    write_text(f"fildes {VERSION}\n")
    return Status.COMPLETE
