"""A picture of all results: how many times better than wanted each of them is.

Results have many units, but each has a goal. So a row is a point on one axis, which is
logarithmic and the same for all: on the line is what is just enough, and right of it
what is better.
"""

from __future__ import annotations

import html
import math
from collections.abc import Sequence

from measuring import Result

ROW, TOP, LEFT, RIGHT, WIDTH = 17, 40, 600, 980, 1130

#: Of the axis; what lies beyond is drawn at its end.
LEAST, MOST = 0.5, 8.0

GRID = 0.5, 1, 2, 4, 8

REACHED, MISSED = "#06c", "#c60"

HEAD = """\
<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" font-family="sans-serif"
 font-size="11"><rect width="100%" height="100%" fill="#fff"/>
<text x="16" y="20" font-size="13">Times better than wanted:
 <tspan fill="{good}">{reached} reached</tspan>, <tspan fill="{bad}">{missed} missed</tspan></text>
"""


def across(margin: float) -> float:
    """Return where on the axis a *margin* lies."""
    within = min(max(margin, LEAST), MOST)
    return LEFT + (RIGHT - LEFT) * math.log(within / LEAST) / math.log(MOST / LEAST)


def shown(title: str) -> str:
    """Return *title* as text of an SVG, short enough for its place."""
    text = title.replace("`", "").replace(", against the fastest of fsspec, smart_open, others", "")
    return html.escape(text if len(text) <= 98 else f"{text[:97]}\N{HORIZONTAL ELLIPSIS}")


def axis(bottom: float) -> str:
    """Return the lines that a row is read by, down to *bottom*."""
    lines = []
    for margin in GRID:
        x, colour = across(margin), "#333" if margin == 1 else "#ddd"
        lines.append(f'<path d="M{x:.1f} {TOP - 6}V{bottom:.0f}" stroke="{colour}"/>')
        lines.append(f'<text x="{x:.1f}" y="{TOP - 10}" text-anchor="middle">{margin:g}</text>\n')
    return "".join(lines)


def row(result: Result, y: float) -> str:
    """Return the title of *result*, and a bar from the line of the goal to what was got."""
    margin = result.measure.goal.margin(result.value)
    x, line, colour = across(margin), across(1), REACHED if result.reached else MISSED
    goal = result.measure.goal
    text = html.escape(f"{goal.show.format(result.value)}, {goal.text}")
    return (
        f'<text x="{LEFT - 10}" y="{y + 4}" text-anchor="end">{shown(result.measure.title)}</text>'
        f'<path d="M{line:.1f} {y}H{x:.1f}" stroke="{colour}" stroke-width="6" opacity=".35"/>'
        f'<circle cx="{x:.1f}" cy="{y}" r="4" fill="{colour}"/>'
        f'<text x="{WIDTH - 10}" y="{y + 4}" text-anchor="end">{text}</text>\n'
    )


def picture(results: Sequence[Result]) -> str:
    """Return all *results*, in their order, as SVG."""
    height = TOP + ROW * len(results) + 10
    reached = sum(result.reached for result in results)
    head = HEAD.format(
        width=WIDTH, height=height, good=REACHED, bad=MISSED,
        reached=reached, missed=len(results) - reached,
    )  # fmt: skip
    rows = [row(result, TOP + ROW * index + ROW / 2) for index, result in enumerate(results)]
    return f"{head}{axis(height - 8)}{''.join(rows)}</svg>\n"
