"""What a relay shows and writes, as text: dumps and metrics."""

from __future__ import annotations

import re
import shutil
import subprocess

import pytest
from exposition_grammar import COMMENT, SAMPLE
from hypothesis import given
from hypothesis import strategies as st

from fildes.cli.relaying.dump import DUMPS, Piece, hex_dump, text_dump
from fildes.cli.showing.exposition import Metric, exposition

HOUR = "17:20:01.000123"


def piece(data: bytes, offset: int = 0) -> Piece:
    return Piece(3, ">", offset, data, HOUR)


def test_text_dump_has_lines() -> None:
    """-v: each line of what passed is on a line, its end in C's notation."""
    shown = text_dump(piece(b"GET / HTTP/1.1\r\nHost: x\r\n\r\nbody"))
    assert shown == (
        f"> {HOUR} #3 length=31 from=0\n"
        "GET / HTTP/1.1\\r\\n\n"
        "Host: x\\r\\n\n"
        "\\r\\n\n"
        "body\n"
    )  # fmt: skip


def test_text_dump_is_unambiguous() -> None:
    """A backslash that passed cannot be taken for a notation."""
    assert text_dump(piece(b"\\n\n\x1b]52;\x9b\xc3\xa9\t")).splitlines()[1:] == [
        "\\\\n\\n",
        "\\x1b]52;\\x9b\\xc3\\xa9\\t",
    ]


def test_hex_dump_has_rows_of_sixteen() -> None:
    """-x: position, hexadecimal and ASCII, sixteen bytes a row."""
    assert hex_dump(piece(bytes(range(0x38, 0x4A)), offset=16)).splitlines()[1:] == [
        "00000010  38 39 3a 3b 3c 3d 3e 3f  40 41 42 43 44 45 46 47  89:;<=>?@ABCDEFG",
        "00000020  48 49                                             HI",
    ]


@pytest.mark.skipif(not shutil.which("xxd"), reason="xxd is not installed")
@given(st.binary(min_size=1, max_size=100))
def test_hex_dump_can_be_turned_back(data: bytes) -> None:
    """xxd -r makes the bytes of a hexadecimal dump again."""
    rows = "".join(hex_dump(piece(data)).splitlines(keepends=True)[1:])
    plain = re.sub(r"(?m)^([0-9a-f]{8})  (.{23})  (.{23})  ", r"\1: \2 \3  ", rows)
    done = subprocess.run(["xxd", "-r"], input=plain.encode(), capture_output=True, check=True)
    assert done.stdout == data


@pytest.mark.parametrize("dump", DUMPS.values(), ids=DUMPS)
@given(st.binary(max_size=200))
def test_dumps_cannot_drive_a_terminal(dump: object, data: bytes) -> None:
    """Whatever passed, a dump is lines of printable ASCII."""
    assert callable(dump)
    shown = dump(piece(data))
    assert re.fullmatch(r"[\x20-\x7e\n]*", shown)


def test_exposition_is_what_prometheus_reads() -> None:
    """A metric has its help, its type, and a line for each combination of labels."""
    samples = {(("relay", "web"), ("direction", "out")): 12.0, (("relay", "db"),): 0.5, (): 3.0}
    assert exposition([Metric("fildes_bytes_total", "counter", "Bytes.", samples)]) == (
        "# HELP fildes_bytes_total Bytes.\n"
        "# TYPE fildes_bytes_total counter\n"
        'fildes_bytes_total{relay="web",direction="out"} 12\n'
        'fildes_bytes_total{relay="db"} 0.5\n'
        "fildes_bytes_total 3\n"
    )


@given(st.text(), st.floats(0, 1e15))
def test_labels_are_escaped(value: str, number: float) -> None:
    """Whatever a label holds, each line keeps the grammar, and the label can be read back."""
    shown = exposition([Metric("x", "gauge", value, {(("a", value),): number})])
    help_line, type_line, sample = shown.removesuffix("\n").split("\n")
    assert COMMENT.fullmatch(help_line)
    assert COMMENT.fullmatch(type_line)
    assert SAMPLE.fullmatch(sample)
    inside = sample[len('x{a="') : sample.rindex('"')]
    unescaped = re.sub(r'\\(["\\n])', lambda match: {"n": "\n"}.get(match[1], match[1]), inside)
    assert unescaped.encode() == value.encode("utf-8", "backslashreplace")
