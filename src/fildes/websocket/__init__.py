"""WebSocket over any stream: the handshakes of both sides, and the streams; RFC 6455."""
