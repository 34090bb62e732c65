"""Compression of messages, permessage-deflate; RFC 7692.

wsproto has the codec; the parameters are agreed on here, strictly. We decompress with
the largest window always, which reads what any smaller one has written, so only the
window that the peer wants *us* to compress with matters.
"""

from __future__ import annotations

import re
import zlib
from typing import TYPE_CHECKING

from wsproto.extensions import PerMessageDeflate
from wsproto.frame_protocol import CloseReason

from fildes.errors import ProtocolError

if TYPE_CHECKING:
    from wsproto.frame_protocol import FrameDecoder, FrameProtocol

_BITS = re.compile(r"[89]|1[0-5]")  # RFC 7692 section 7.1.2

FLAGS = ("server_no_context_takeover", "client_no_context_takeover")
WINDOWS = ("server_max_window_bits", "client_max_window_bits")


class Deflate(PerMessageDeflate):
    """wsproto's codec, which two things do not confuse.

    They are a ping between two parts of a message, and the end of a DEFLATE stream, which
    a message may have; RFC 7692 section 7.2.3.4.

    Attributes:
      under_way: a message has begun and not ended.
    """

    under_way = False

    def frame_inbound_payload_data(
        self, proto: FrameDecoder | FrameProtocol, data: bytes
    ) -> bytes | CloseReason:
        """Return *data* decompressed, if its message is compressed."""
        codec = self._decompressor
        if codec is None or not (self._inbound_compressed and self._inbound_is_compressible):
            return data
        output = b""
        try:
            while data:
                if codec.eof:
                    codec = self._decompressor = zlib.decompressobj(-zlib.MAX_WBITS)
                output += codec.decompress(data)
                data = codec.unused_data
        except zlib.error:
            return CloseReason.INVALID_FRAME_PAYLOAD_DATA
        return output

    def frame_inbound_complete(
        self, proto: FrameDecoder | FrameProtocol, fin: bool
    ) -> bytes | CloseReason | None:
        """Return what the end of a frame brings; a control frame's says nothing."""
        if not self._inbound_is_compressible and self.under_way:
            return None
        result = super().frame_inbound_complete(proto, fin)
        self.under_way = not fin
        return result


def deflate(parameters: dict[str, str], *, client: bool) -> Deflate:
    """Return the codec for agreed *parameters*."""
    codec = Deflate(
        client_no_context_takeover="client_no_context_takeover" in parameters,
        server_no_context_takeover="server_no_context_takeover" in parameters,
    )
    ours = parameters.get(WINDOWS[client])
    if ours and client:
        codec.client_max_window_bits = int(ours)
    elif ours:
        codec.server_max_window_bits = int(ours)
    codec.finalize("")
    return codec


def parse(text: str) -> dict[str, str]:
    """Return the parameters in *text*, which follows the name of the extension.

    Raises:
      ProtocolError: they are none of RFC 7692, or twice there.
    """
    found: dict[str, str] = {}
    for parameter in filter(None, (each.strip(" \t") for each in text.split(";"))):
        name, equals, value = (each.strip(" \t") for each in parameter.partition("="))
        value = value[1:-1] if len(value) > 2 and value[0] == value[-1] == '"' else value
        good = not equals if name in FLAGS else name in WINDOWS and _fits(name, equals, value)
        if not good or name in found:
            raise ProtocolError("the peer's parameters of permessage-deflate are not RFC 7692's")
        found[name] = value
    return found


def _fits(name: str, equals: str, value: str) -> bool:
    # A client may say that it can be told a window, without saying one; section 7.1.2.2.
    return bool(_BITS.fullmatch(value)) or (name == WINDOWS[1] and not equals)


def accepted(text: str) -> Deflate:
    """Return the client's codec for what a server has answered to our offer.

    Raises:
      ProtocolError: it answers something else.
    """
    parameters = parse(text)
    if "client_max_window_bits" in parameters:  # we did not offer that; section 7.1.2.2
        raise ProtocolError("the server limits our window for compression, unasked")
    return deflate(parameters, client=True)


def answered(offers: list[str]) -> tuple[Deflate, str] | None:
    """Return the server's codec for the first of *offers* that will do, and the answer.

    Args:
      offers: parameters, one text for each offer; None of them is taken if none is good.
    """
    for offer in offers:
        try:
            asked = parse(offer)
        except ProtocolError:
            continue
        if asked.get("server_max_window_bits") == "8":  # zlib compresses with no such window
            continue
        asked.pop("client_max_window_bits", None)  # any will do
        words = (f"; {name}={value}" if value else f"; {name}" for name, value in asked.items())
        return deflate(asked, client=False), "".join(words)
    return None
