"""Saying of a handshake that failed that it was a client's, and what can be done about it.

What the same error means where we are the client, `fildes.advice` says.
"""

from __future__ import annotations

from fildes.errors import add_context

#: SSL_R_* of OpenSSL's sslerr.h, by the names that the ssl module gives them.
BY_TLS_REASON = {
    "WRONG_VERSION_NUMBER": "the client does not speak TLS",
    "HTTP_REQUEST": "the client speaks plain HTTP: its address begins with https://",
    "UNEXPECTED_EOF_WHILE_READING": "the client hung up in the handshake",
    "UNSUPPORTED_PROTOCOL": "the client offers no TLS version that is allowed: see min-version",
    "PEER_DID_NOT_RETURN_A_CERTIFICATE": "the client has to be given a certificate",
    "CERTIFICATE_VERIFY_FAILED": "the client's certificate is not of the CAs that ca= names",
    "TLSV1_ALERT_UNKNOWN_CA": "the client does not trust our certificate: give it the CA",
    "SSLV3_ALERT_CERTIFICATE_UNKNOWN": "the client does not trust our certificate",
    "SSLV3_ALERT_BAD_CERTIFICATE": "the client does not take our certificate",
}


def blame_client(error: Exception | None, peer: str | None) -> None:
    """Say in *error* that the client at *peer* was not let in because of it."""
    if not isinstance(error, OSError | EOFError):
        return
    if not getattr(error, "advice", ""):
        error.advice = advice_about(error)  # type: ignore[union-attr]  # see fildes.advice
    add_context(error, "accept", peer or "a client")


def advice_about(error: OSError | EOFError) -> str:
    """Return why a client's handshake may have failed so; empty if that is no news."""
    if isinstance(error, TimeoutError):
        return "the client was too slow: see handshake-timeout"
    return BY_TLS_REASON.get(str(getattr(error, "reason", "")), "")
