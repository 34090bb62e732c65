"""From the settings of a side to the stream that behaves as they say."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from fildes.streams.stream import Stream

if TYPE_CHECKING:
    from fildes.cli.relaying.side import Settings

LINE_ENDS = {"cr": b"\r", "crnl": b"\r\n"}


def shape(stream: Stream, settings: Settings) -> Stream:
    """Return *stream* as *settings* want it; itself where they want nothing.

    What changes the bytes lies below what looks for their end.
    """
    for wrap in wrappers(settings):
        stream = wrap(stream)
    return stream


def wrappers(settings: Settings) -> list[Callable[[Stream], Stream]]:
    """Return what is to be laid over a stream, the lowest first."""
    from fildes.streams import shaped

    found: list[Callable[[Stream], Stream]] = []
    if settings.ignore_eof:
        found.append(shaped.PatientStream)
    if settings.null_eof:
        found.append(shaped.NullEndedStream)
    if settings.line_end:
        line_end = LINE_ENDS[settings.line_end]
        found.append(lambda stream: shaped.LineEndStream(stream, line_end))
    escape, size = settings.escape, settings.read_bytes
    if escape is not None:
        found.append(lambda stream: shaped.EscapedStream(stream, escape))
    if size is not None:
        found.append(lambda stream: shaped.LimitedStream(stream, size))
    shut = "none" if settings.end_close and settings.shut == "down" else settings.shut
    if shut != "down":
        endings: dict[str, Callable[[Stream], Stream]] = {
            "none": shaped.OpenEndedStream,
            "null": shaped.NullEndingStream,
            "close": shaped.ClosingStream,
        }
        found.append(endings[shut])
    return found
