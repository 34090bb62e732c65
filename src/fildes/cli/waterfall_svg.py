"""The waterfall of an open as an SVG picture that stands alone."""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Sequence

from fildes.cli.terminal import cells, one_line
from fildes.cli.waterfall import StepLike, duration, error_text, in_order, total_seconds

# All lengths are in user units of SVG, which are pixels unless scaled; arbitrary.
WIDTH = 880
MARGIN = 24
LABEL_WIDTH = 96
TIME_WIDTH = 76
HEAD_HEIGHT = 76
ROW_HEIGHT = 44
FOOT_HEIGHT = 44
BAR_HEIGHT = 16
CHART_LEFT = MARGIN + LABEL_WIDTH
CHART_WIDTH = WIDTH - MARGIN - TIME_WIDTH - CHART_LEFT
LETTER_WIDTH = 6.7  #: of the monospaced 11 pixel font, with room to spare

#: Hues that differ for the colour-blind too: Okabe and Ito, "Color Universal Design".
FILL_OF_STEP = {
    "resolve": "#e69f00",
    "connect": "#0072b2",
    "proxy": "#cc79a7",
    "handshake": "#56b4e9",
    "request": "#009e73",
    "response": "#4bbd97",
    "decode": "#8c7ae6",
}
FILL_OF_OTHERS = "#0072b2"
FILL_OF_ERROR = "#d55e00"

STYLE = """\
text { font: 13px system-ui, "DejaVu Sans", sans-serif; fill: #1f2933 }
.title { font-size: 16px; font-weight: 600 }
.note, .tick { font-size: 11px; fill: #616e7c }
.detail { font: 11px ui-monospace, "DejaVu Sans Mono", monospace; fill: #616e7c }
.error { fill: #b23c00 }
.grid { stroke: #e4e7eb }
.sheet { fill: #ffffff }
@media (prefers-color-scheme: dark) {
  text { fill: #e4e7eb } .note, .tick, .detail { fill: #9aa5b1 } .error { fill: #ff9b66 }
  .grid { stroke: #323f4b } .sheet { fill: #1f2933 }
}"""

#: What XML 1.0 section 2.2 has no way to write, not even as a reference.
NOT_XML = re.compile("[^\\t\\n\\r -\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


def svg(steps: Sequence[StepLike], title: str) -> str:
    """Return the waterfall of *steps* as the text of an SVG file."""
    steps, total = in_order(steps), total_seconds(steps)
    height = HEAD_HEIGHT + ROW_HEIGHT * len(steps) + FOOT_HEIGHT
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{WIDTH}" height="{height}"'
        f' viewBox="0 0 {WIDTH} {height}" role="img">',
        f"<title>{escape(title)}</title>",
        f"<style>{STYLE}</style>",
        f'<rect class="sheet" width="{WIDTH}" height="{height}" rx="8"/>',
        text(MARGIN, 34, "title", shorten(title, WIDTH - 2 * MARGIN, letter=8.8)),
        text(MARGIN, 54, "note", f"{len(steps)} steps, {duration(total)}"),
        *axis(total, height - FOOT_HEIGHT),
    ]
    for index, step in enumerate(steps):
        parts += row(step, total, HEAD_HEIGHT + ROW_HEIGHT * index)
    return "\n".join([*parts, "</svg>\n"])


def axis(total: float, bottom: float) -> Iterator[str]:
    """Draw the grid, a line per round moment."""
    for moment in ticks(total):
        x = position(moment, total)
        yield f'<path class="grid" d="M{x:.1f} {HEAD_HEIGHT - 8}V{bottom}"/>'
        label = "0" if not moment else duration(moment).replace(".0 ", " ").replace(".00 ", " ")
        yield text(x, bottom + 18, "tick", label, anchor="middle")


def row(step: StepLike, total: float, top: float) -> Iterator[str]:
    """Draw one step: its name, its bar with the time behind it, what it did."""
    fill = FILL_OF_ERROR if step.error else FILL_OF_STEP.get(step.name, FILL_OF_OTHERS)
    left = position(step.started, total)
    width = max(position(step.started + step.seconds, total) - left, 2)
    yield text(MARGIN, top + 14, "name", shorten(step.name, LABEL_WIDTH - 8, letter=7.4))
    yield (
        f'<rect x="{left:.1f}" y="{top + 1}" width="{width:.1f}" height="{BAR_HEIGHT}"'
        f' rx="2" fill="{fill}"/>'
    )
    yield text(left + width + 6, top + 13, "note", duration(step.seconds))
    kind = "detail error" if step.error else "detail"
    words = f"{step.detail}: {error_text(step.error)}" if step.error else step.detail
    yield text(CHART_LEFT, top + 31, kind, shorten(words, WIDTH - MARGIN - CHART_LEFT))


def position(moment: float, total: float) -> float:
    return CHART_LEFT + (moment / total * CHART_WIDTH if total else 0.0)


def ticks(total: float) -> list[float]:
    """Return round moments from 0 up to *total*: three to six of them."""
    if total <= 0:
        return [0.0]
    power = 10.0 ** math.floor(math.log10(total))
    step = next(size * power for size in (0.2, 0.5, 1, 2) if total / (size * power) <= 5)
    return [step * index for index in range(int(total / step) + 1)]


def text(x: float, y: float, kind: str, words: str, *, anchor: str = "start") -> str:
    placed = "" if anchor == "start" else f' text-anchor="{anchor}"'
    return f'<text class="{kind}" x="{x:.1f}" y="{y:.1f}"{placed}>{escape(words)}</text>'


def shorten(words: str, width: float, *, letter: float = LETTER_WIDTH) -> str:
    """Cut *words* to what *width* has room for."""
    words = one_line(words)
    room = int(width / letter)
    return words if cells(words) <= room else f"{words[: room - 1]}…"


def escape(words: str) -> str:
    """Return *words* as XML character data: no tag, no entity, no control."""
    safe = NOT_XML.sub("\ufffd", one_line(words))
    return safe.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
