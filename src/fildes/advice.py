"""What the user can do about an error: one line for the errors met most."""

from __future__ import annotations

import errno
import socket

BY_ERRNO = {
    errno.ECONNREFUSED: "nothing listens there: check the port, or start the server",
    errno.ENETUNREACH: "this machine has no route there: check the network or the address family",
    errno.EHOSTUNREACH: "the network cannot reach that host: check that it is up",
    errno.ETIMEDOUT: "no answer in time: check that the host is up, or raise the timeout",
    errno.ECONNRESET: "the peer cut the connection: its log may say why",
    errno.EPIPE: "the peer has closed: it takes no more",
    errno.EMFILE: "close files that are no longer used, or raise `ulimit -n`",
    errno.EADDRINUSE: "something else is there already: stop it or choose another place",
}

#: Where it means something else than for who connects.
LISTENING = {errno.EADDRNOTAVAIL: "no interface of this machine has that address"}

BY_RESOLVER_ERROR = {
    socket.EAI_NONAME: "no such host: check the spelling",
    socket.EAI_AGAIN: "the name server does not answer: try again, or check the network",
    socket.EAI_FAIL: "the name server refuses: check the network's configuration",
}

#: X509_V_ERR_* of OpenSSL's x509_vfy.h.
BY_VERIFY_CODE = {
    9: "the certificate is not valid yet: check this machine's clock",
    10: "the certificate has expired: the operator must renew it (or check the clock)",
    18: "the certificate is self-signed: if you trust it, pass it with ca=FILE",
    19: "the chain ends in an unknown root: pass the CA with ca=FILE if you trust it",
    20: "an unknown CA signed it: pass the CA with ca=FILE if you trust it",
    21: "the server does not send its intermediate certificates: pass the CA with ca=FILE",
    62: "the certificate is for other names: check the host, or set name= to what it says",
    64: "the certificate is for other addresses: connect by name, or set name= to what it says",
}

#: RFC 9110 section 15.5
BY_HTTP_STATUS = {
    401: "the server asks who you are: put user:password@ before the host, or set a header",
    403: "the server does not let you in: check the user, or ask its operator",
    407: "the proxy asks who you are: put user:password@ before its host",
    429: "the server is asked too often: try again later",
    503: "the server is overloaded or in maintenance: try again later",
}


#: SSL_R_* of OpenSSL's sslerr.h, by the names that the ssl module gives them.
BY_TLS_REASON = {
    "WRONG_VERSION_NUMBER": "the peer does not speak TLS on that port: check the port",
    "UNEXPECTED_EOF_WHILE_READING": "the peer ended without close_notify: "
    "what came may be cut short",
    "UNSUPPORTED_PROTOCOL": "the peer offers no TLS version that is allowed: see min-version",
    "TLSV1_ALERT_PROTOCOL_VERSION": "the peer offers no TLS version that is allowed: "
    "it must learn 1.2 or newer (see min-version)",
    "SSLV3_ALERT_HANDSHAKE_FAILURE": "the peer refuses: it may want a client certificate, "
    "pass it with cert=FILE",
    "TLSV13_ALERT_CERTIFICATE_REQUIRED": "the peer wants a client certificate: "
    "pass it with cert=FILE",
    "TLSV1_ALERT_UNKNOWN_CA": "the peer does not trust our certificate: "
    "pass one that it knows with cert=FILE",
    "TLSV1_UNRECOGNIZED_NAME": "the peer does not serve that name: check the host, or set name=",
}

#: In a handshake an early end says something else.
TLS_HANG_UP = "the peer hung up in the handshake: check that the port speaks TLS"


def advice_for(error: BaseException, step: str) -> str:
    """Return what to do about *error*, which happened in *step*; empty if unknown.

    Whoever raises it may know better, and say so in its attribute ``advice``.
    """
    own: str = getattr(error, "advice", "")
    if own:
        return own
    if isinstance(error, socket.gaierror):
        return BY_RESOLVER_ERROR.get(error.errno or 0, "")
    if step == "response" and hasattr(error, "status"):
        return BY_HTTP_STATUS.get(error.status, "")
    verify_code = getattr(error, "verify_code", 0)
    if verify_code:
        return BY_VERIFY_CODE.get(verify_code, "")
    reason = getattr(error, "reason", None)
    if reason in BY_TLS_REASON:
        ended = reason == "UNEXPECTED_EOF_WHILE_READING"
        return TLS_HANG_UP if ended and step == "handshake" else BY_TLS_REASON[reason]
    number = getattr(error, "errno", None) or 0
    return (step == "listen" and LISTENING.get(number)) or BY_ERRNO.get(number, "")
