"""The drawn steps of an open, as text and as SVG."""

from __future__ import annotations

import re
import xml.etree.ElementTree as ET
from dataclasses import dataclass

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fildes.cli.terminal import cells
from fildes.cli.waterfall import bar, draw, duration
from fildes.cli.waterfall_svg import svg, ticks


@dataclass
class Step:
    """A step as the drawing sees it."""

    name: str
    detail: str = ""
    started: float = 0.0
    seconds: float = 0.0
    error: object = None


STEPS = [
    Step("resolve", "localhost", 0.0, 0.010),
    Step("connect", "127.0.0.1:443", 0.010, 0.010),
    Step("handshake", "TLSv1.3", 0.020, 0.020),
]

TEXT = st.text(max_size=40)
TIME = st.floats(0, 1e6)
ANY_STEPS = st.lists(
    st.builds(Step, TEXT, TEXT, TIME, TIME, st.none() | TEXT | st.builds(OSError, TEXT)),
    max_size=5,
)


def test_text_waterfall() -> None:
    """Each step has its name, its bar where its time was, its duration and detail."""
    assert draw(STEPS, width=45) == (
        "resolve    ███           10.0 ms  localhost\n"
        "connect       ███        10.0 ms  127.0.0.1..\n"
        "handshake        ██████  20.0 ms  TLSv1.3\n"
        "total                    40.0 ms\n"
    )


def test_ascii_waterfall() -> None:
    """Where UTF-8 is not read the drawing is ASCII, peer's text included."""
    text = draw([Step("resolve", "é\x1b", 0, 1)], utf8=False)
    assert text.isascii()
    assert "====" in text
    assert "\\xe9^[" in text


def test_error_is_told_in_full() -> None:
    """An error stands below its step with its type, and is never cut."""
    message = "certificate has expired, " * 10
    text = draw([Step("handshake", "", 0, 1, OSError(message))], width=40)
    assert f"OSError: {message}".strip() in text


def test_colours_only_when_asked() -> None:
    """Without colours there is no escape sequence; with them every one is ended."""
    assert "\x1b" not in draw(STEPS)
    painted = draw(STEPS, colours="256")
    assert len(re.findall(r"\x1b\[\d+m", painted)) == 2 * painted.count("\x1b[0m") > 0


@pytest.mark.parametrize(
    ("started", "seconds", "expected"),
    [
        (0, 4, "████"),
        (1, 2, " ██ "),
        (0.5, 1, "▐▌  "),
        (0, 1.125, "█▏  "),
        (1, 0, " ▏  "),
        (1.75, 0.25, " ▕  "),
        (4, 0, "   ▕"),
    ],
)
def test_bar_is_exact_to_an_eighth(started: float, seconds: float, expected: str) -> None:
    """A bar starts and ends where its times are, and what took no time is seen."""
    assert bar(Step("", "", started, seconds), 4, 4, utf8=True) == expected


@given(ANY_STEPS, st.integers(30, 200), st.booleans())
def test_text_is_safe_and_fits(steps: list[Step], width: int, utf8: bool) -> None:
    """Whatever a peer is called, lines without an error fit and drive no terminal."""
    lines = draw([Step(s.name[:8], s.detail, s.started, s.seconds) for s in steps], width=width)
    assert not re.search(r"[\x00-\x09\x0b-\x1f\x7f-\x9f\u202e]", lines)
    assert all(cells(line) <= max(width, 80) for line in lines.splitlines())
    draw(steps, width=width, utf8=utf8)


@given(ANY_STEPS, TEXT)
def test_svg_is_well_formed_whatever_it_says(steps: list[Step], title: str) -> None:
    """No text of a peer can break the picture or become a tag in it."""
    root = ET.fromstring(svg(steps, title))
    assert {element.tag.rpartition("}")[2] for element in root.iter()} <= {
        "svg",
        "title",
        "style",
        "rect",
        "path",
        "text",
    }


def test_svg_shows_every_step() -> None:
    """Each step has a bar as wide as its time, and its text below."""
    root = ET.fromstring(svg(STEPS, "tls://localhost <443>"))
    texts = [element.text for element in root.iter("{http://www.w3.org/2000/svg}text")]
    assert {"tls://localhost <443>", "3 steps, 40.0 ms", "resolve", "127.0.0.1:443"} <= set(texts)
    sheet, *bars = root.iter("{http://www.w3.org/2000/svg}rect")
    widths = [float(element.attrib["width"]) for element in bars]
    assert widths[2] == pytest.approx(2 * widths[0], abs=0.2)
    assert sheet.attrib["class"] == "sheet"


@given(st.floats(1e-6, 1e6))
def test_axis_has_a_few_round_moments(total: float) -> None:
    """The axis has its zero and two to five more moments, none beyond the end."""
    moments = ticks(total)
    assert 2 <= len(moments) <= 6
    assert moments[0] == 0
    assert moments[-1] <= total * (1 + 1e-9)


@pytest.mark.parametrize(
    ("seconds", "expected"),
    [(0, "0.00 ms"), (0.00004, "0.04 ms"), (0.0051, "5.1 ms"), (0.25, "250 ms"), (1.5, "1.50 s")],
)
def test_durations_are_short(seconds: float, expected: str) -> None:
    """A duration fits its column."""
    assert duration(seconds) == expected
