"""One conversation over two streams: one that is read, and one that is written."""

from __future__ import annotations

from typing import TYPE_CHECKING

from fildes.streams.stream import Direct, Stream

if TYPE_CHECKING:
    from fildes.streams.stream import KernelStream
    from fildes.waiting import Interest


class DualStream(Stream):
    """Reads *source* and writes *sink*; owns both. A half-close closes the sink."""

    apart = True

    def __init__(self, source: Stream, sink: Stream) -> None:
        self.source, self.sink = source, sink
        self.messages, self.endless = source.messages, source.endless
        self.longest = sink.longest
        self.sink_open = True

    @property
    def half_closes(self) -> bool:
        return True

    def try_recv_into(self, buffer: memoryview) -> int | None:
        return self.source.try_recv_into(buffer)

    def try_send(self, data: memoryview) -> int | None:
        return self.sink.try_send(data)

    def recv_wants(self) -> Interest:
        return self.source.recv_wants()

    def send_wants(self) -> Interest:
        return self.sink.send_wants()

    def direct(self) -> Direct | None:
        return self.source.direct()

    def took(self, size: int) -> None:
        self.source.took(size)

    def direct_sink(self) -> KernelStream | None:
        return self.sink.direct_sink()

    async def half_close(self) -> None:
        if self.sink_open:
            self.sink_open = False
            await self.sink.half_close()
            await self.sink.close()

    async def close(self) -> None:
        try:
            await self.half_close()
        finally:
            await self.source.close()

    def abort(self) -> None:
        try:
            self.sink.abort()
        finally:
            self.source.abort()

    def interrupt(self) -> None:
        self.sink.interrupt()
        self.source.interrupt()

    @property
    def local(self) -> str | None:
        return self.source.local

    @property
    def peer(self) -> str | None:
        return self.source.peer
