"""Open an address, close it, and draw the steps that this took.

The drawing is made when the open fails, too: it shows in which step.
"""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

from fildes import verbs
from fildes.cli.opening import how, read_address
from fildes.cli.output import write_text
from fildes.cli.reporting import message_of, report
from fildes.cli.status import Status, status_of
from fildes.cli.writing import writing

if TYPE_CHECKING:
    from argparse import ArgumentParser, Namespace

    from fildes import Explanation

USAGE = "[OPTIONS] ADDRESS"
EXAMPLES = (
    ("fildes explain https://example.com/", "where the time goes, as a waterfall"),
    ("fildes explain --json tcp://localhost:22", "the same for a program"),
    ("fildes explain --svg steps.svg https://example.com/", "the same as a picture"),
)
TAKES_PROGRAM = False
OPENS = True


def add_arguments(parser: ArgumentParser) -> None:
    """Declare the arguments of this command."""
    parser.add_argument("address", metavar="ADDRESS", help="what to open")
    form = parser.add_mutually_exclusive_group()
    form.add_argument("--json", action="store_true", help="print the steps as JSON")
    form.add_argument(
        "--svg", metavar="FILE", help="draw the steps into FILE; - is standard output"
    )


def run(arguments: Namespace) -> int:
    """Show the steps, then the error if there was one."""
    explanation = verbs.explain(
        read_address(arguments.address), timeout=arguments.timeout or None, **how(arguments)
    )
    if arguments.json:
        write_text(as_json(explanation))
    elif arguments.svg:
        write_svg(explanation, arguments.svg)
    else:
        write_text(drawing(explanation))
    if explanation.error is None:
        return Status.COMPLETE
    return report(explanation.error, debug=arguments.debug)


def drawing(explanation: Explanation) -> str:
    """Return the waterfall, as wide as the terminal is."""
    from fildes.cli import waterfall
    from fildes.cli.terminal import colours_of, columns_of, speaks_utf8

    return waterfall.draw(
        waterfall.begun(explanation.trace),
        width=columns_of(sys.stdout),
        colours=colours_of(sys.stdout),
        utf8=speaks_utf8(),
    )


def as_json(explanation: Explanation) -> str:
    """Return the steps and the error as one JSON object."""
    import json

    error = explanation.error
    shown = {
        "address": explanation.address,
        "steps": [step._asdict() for step in explanation.trace],
        "error": None if error is None else message_of(error),
        "status": 0 if error is None else int(status_of(error)),
    }
    return json.dumps(shown, indent=2) + "\n"


def write_svg(explanation: Explanation, place: str) -> None:
    """Write the steps as a picture to the file *place*."""
    from fildes.cli.waterfall import begun
    from fildes.cli.waterfall_svg import svg

    text = svg(begun(explanation.trace), explanation.address)
    if place == "-":
        write_text(text)
        return
    with writing(place), open(place, "w", encoding="utf-8") as file:
        file.write(text)
