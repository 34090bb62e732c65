"""The steps of an open as a waterfall: one bar per step, on a common time axis."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Protocol

from fildes.cli.terminal import Colours, cells, fit, one_line

if TYPE_CHECKING:
    from fildes.trace import Step


class StepLike(Protocol):
    """What is drawn: a step with its times in seconds since the open began."""

    @property
    def name(self) -> str: ...
    @property
    def detail(self) -> str: ...
    @property
    def started(self) -> float: ...
    @property
    def seconds(self) -> float: ...
    @property
    def error(self) -> object: ...


LEFT_EIGHTHS = " ▏▎▍▌▋▊▉█"  #: the left n eighths of a cell
BAR_WIDTHS = range(12, 49)  # arbitrary: what is left for the details is of more use

#: SGR parameters; the terminal's own palette, so that it suits the user's theme.
COLOUR_OF_STEP = {
    "resolve": "33",
    "connect": "34",
    "proxy": "35",
    "handshake": "36",
    "request": "32",
    "response": "32",
    "decode": "35",
}
RED = "31"
DIM = "2"


def draw(
    steps: Sequence[StepLike],
    *,
    width: int = 80,
    colours: Colours = "none",
    utf8: bool = True,
) -> str:
    """Return the waterfall of *steps* as lines of text, *width* columns at most.

    An error stands in full below its step: it is what the drawing is read for.
    """
    steps, total = in_order(steps), total_seconds(steps)
    label_width = max([cells(one_line(step.name)) for step in steps] + [len("total")])
    bar_width = min(max((width - label_width) // 3, BAR_WIDTHS.start), BAR_WIDTHS.stop - 1)
    lines = []
    for step in steps:
        colour = RED if step.error else COLOUR_OF_STEP.get(step.name, "34")
        chart = bar(step, total, bar_width, utf8=utf8)
        head = f"{fit(one_line(step.name), label_width)}  "
        times = f"  {duration(step.seconds):>7}  "
        free = width - cells(head) - bar_width - cells(times)
        detail = fit(one_line(step.detail), free).rstrip() if free > 2 else ""
        bar_text = paint(chart, colour, colours)
        lines.append(f"{head}{bar_text}{times}{paint(detail, DIM, colours)}".rstrip())
        if step.error:
            text = f"{'':{label_width}}  {one_line(error_text(step.error))}"
            lines.append(paint(text, RED, colours))
    lines.append(f"{'total':{label_width}}  {'':{bar_width}}  {duration(total):>7}")
    return "".join(f"{line if utf8 else ascii_only(line)}\n" for line in lines)


def begun(steps: Sequence[Step]) -> list[Step]:
    """Return *steps* on an axis that begins with the first, not with our own preparations."""
    start = min((step.started for step in steps), default=0.0)
    return [step._replace(started=step.started - start) for step in steps]


def bar(step: StepLike, total: float, width: int, *, utf8: bool) -> str:
    """Return the row of *width* columns in which *step*'s time is filled in.

    Blocks fill a cell from the left in eighths but from the right only by half
    or by an eighth: so a bar ends more exactly than it starts.
    """
    eighths = width * 8
    start = min(int(step.started / total * eighths), eighths - 1) if total else 0
    stop = int((step.started + step.seconds) / total * eighths) if total else 0
    stop = min(max(stop, start + 1), eighths)  # what took no time is still to be seen
    first, offset = divmod(start, 8)
    last, rest = divmod(stop, 8)
    if not utf8:
        return f"{' ' * first + '=' * max(last - first, 1):{width}}"[:width]
    if first == last or (first + 1 == last and not rest):
        # Within one cell only the length can be shown, or that it is at the end.
        inside = "▕" if offset > 4 and stop - start < 4 else LEFT_EIGHTHS[stop - start]
        return f"{' ' * first + inside:{width}}"
    head = "█" if offset < 3 else "▐" if offset < 7 else "▕"
    tail = LEFT_EIGHTHS[rest].strip()
    return f"{' ' * first + head + '█' * (last - first - 1) + tail:{width}}"


def in_order(steps: Sequence[StepLike]) -> list[StepLike]:
    """Return *steps* as they began: attempts side by side may end in another order."""
    return sorted(steps, key=lambda step: step.started)


def total_seconds(steps: Sequence[StepLike]) -> float:
    """Return the moment at which the last step ended."""
    return max((step.started + step.seconds for step in steps), default=0.0)


def duration(seconds: float) -> str:
    """Return *seconds* for people: ``0.04 ms``, ``5.1 ms``, ``250 ms``, ``1.50 s``."""
    number, unit = (seconds, "s") if seconds >= 1 else (seconds * 1000, "ms")
    digits = 0 if number >= 100 else 2 if unit == "s" or number < 0.1 else 1
    return f"{number:.{digits}f} {unit}"


def error_text(error: object) -> str:
    """Return the type and message of an exception; anything else as it is."""
    return f"{type(error).__name__}: {error}" if isinstance(error, BaseException) else str(error)


def paint(text: str, colour: str, colours: Colours) -> str:
    """Colour *text*, but not the blanks around it."""
    words = text.strip()
    if colours == "none" or not words:
        return text
    return text.replace(words, f"\x1b[{colour}m{words}\x1b[0m", 1)


def ascii_only(line: str) -> str:
    return line.encode("ascii", "backslashreplace").decode("ascii")
