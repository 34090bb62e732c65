"""The options that all schemes of WebSocket have, and what they make."""

from __future__ import annotations

from typing import TYPE_CHECKING

from fildes.errors import AddressError
from fildes.scheme import Option

if TYPE_CHECKING:
    from collections.abc import Sequence

    from fildes.address import Address
    from fildes.opening.opening import Opening
    from fildes.streams.stream import Stream
    from fildes.websocket.deflate import Deflate
    from fildes.websocket.stream import WebSocketStream

#: Of clients and listeners; a list, so that an address may repeat it.
BOTH = (
    Option(
        "framing",
        "text",
        "stream: bytes; message: each read and write is a message, whole",
        "stream",
        choices=("stream", "message"),
    ),
    Option(
        "messages",
        "text",
        "what is written goes out as messages of this kind",
        "binary",
        choices=("binary", "text"),
    ),
    Option("subprotocol", "list", "a subprotocol to agree on, the best one first"),
    Option("deflate", "flag", "let messages be compressed; RFC 7692", False),
    Option(
        "max-message",
        "integer",
        "bytes that a message may have, for framing=message",
        16 << 20,
        least=1,
    ),
    Option(
        "ping", "seconds", "send a ping so often, and take silence for the end; 0 for never", 0.0
    ),
    Option(
        "half-close",
        "text",
        "close: it sends a Close frame, after which many peers say no "
        "more; hold: it sends nothing, and a relay waits",
        "close",
        choices=("close", "hold"),
    ),
)


def make_stream(
    opening: Opening, address: Address, inner: Stream, *, client: bool, deflate: Deflate | None
) -> WebSocketStream:
    """Return the stream over *inner*, whose handshake is over."""
    from fildes.websocket.frames import Frames
    from fildes.websocket.messages import MessageStream
    from fildes.websocket.stream import HoldingStream, Manner, WebSocketStream

    given = opening.given(address)
    whole = given["framing"] == "message"
    frames = Frames(
        client=client,
        extensions=None if deflate is None else [deflate],
        text=given["messages"] == "text",
        whole=whole,
    )
    manner = Manner(given["ping"], given["half-close"] == "hold", given["max-message"])
    plain = HoldingStream if manner.hold else WebSocketStream
    return (MessageStream if whole else plain)(inner, frames, manner)


def subprotocols_of(opening: Opening, address: Address) -> Sequence[str]:
    """Return the subprotocols to agree on, all options checked.

    Raises:
      AddressError: one of them is no token, RFC 6455 section 4.1.
    """
    from fildes.wire.websocket import TOKEN

    names: Sequence[str] = opening.option(address, "subprotocol") or ()
    if not all(TOKEN.fullmatch(name) for name in names) or len(set(names)) < len(names):
        raise AddressError("a subprotocol is a word without blanks and commas, and named once")
    return names
