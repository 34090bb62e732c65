"""TLS contexts, made from options and kept for the next open with the same ones.

Loading the system's certificate authorities takes about 20 ms, so a context is
kept; the key is everything that went into it, files with their stat(2) signature.
Hence ``verify=off`` of one open never touches another one.
"""

from __future__ import annotations

import contextlib
import functools
import os
import ssl
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

from fildes.address.model import Secret

#: X509_V_ERR_HOSTNAME_MISMATCH of OpenSSL's x509_vfy.h.
HOSTNAME_MISMATCH = 62

MINIMUM_VERSIONS = {"1.2": ssl.TLSVersion.TLSv1_2, "1.3": ssl.TLSVersion.TLSv1_3}

#: What tells one state of a file from another: device, inode, size, mtime.
Signature = tuple[int, int, int, int]


class Settings(NamedTuple):
    """What makes a client's context.

    Attributes:
      ca: a file or directory of trusted CAs; empty for the system's.
      cert, key: files; *key* is empty when *cert* holds both.
      by_name: OpenSSL compares the certificate with the name that is also sent.
    """

    ca: str = ""
    cert: str = ""
    key: str = ""
    key_password: Secret = Secret("")
    alpn: tuple[str, ...] = ()
    verify: bool = True
    by_name: bool = True
    min_version: str = "1.2"


def client_context(settings: Settings) -> ssl.SSLContext:
    """Return the context for *settings*, a kept one if nothing has changed.

    Raises:
      OSError: a file cannot be read; it is named.
      ssl.SSLError: a file holds no certificate or key, or another password.
    """
    system = ssl.get_default_verify_paths()  # SSL_CERT_FILE and SSL_CERT_DIR count
    ca = (settings.ca,) if settings.ca else (system.cafile, system.capath)
    files = (*filter(None, ca), *filter(None, (settings.cert, settings.key)))
    return make_context(settings, tuple((name, signature(name)) for name in files))


def signature(path: str) -> Signature:
    """Return what changes when the file at *path* does."""
    status = os.stat(path)
    return status.st_dev, status.st_ino, status.st_size, status.st_mtime_ns


@functools.lru_cache(maxsize=32)  # arbitrary; a process has a handful
def make_context(settings: Settings, files: tuple[tuple[str, Signature], ...]) -> ssl.SSLContext:
    """Make the context for *settings*; *files* are only there to tell states apart."""
    context = trusting(settings.ca)
    harden(context)
    context.minimum_version = MINIMUM_VERSIONS[settings.min_version]
    if settings.alpn:
        context.set_alpn_protocols(settings.alpn)
    if settings.cert:
        with reading("certificate and key", settings.cert, settings.key or settings.cert):
            # A password, though empty, keeps OpenSSL from asking for one at the terminal.
            context.load_cert_chain(
                settings.cert, settings.key or None, lambda: settings.key_password
            )
    if not (settings.verify and settings.by_name):
        context.check_hostname = False
    if not settings.verify:
        context.verify_mode = ssl.CERT_NONE
    return context


def trusting(ca: str) -> ssl.SSLContext:
    """Return a context that trusts the authorities in *ca*, a file or a directory."""
    if not ca:
        return ssl.create_default_context()
    with reading("CA certificate", ca):
        if os.path.isdir(ca):
            return ssl.create_default_context(capath=ca)
        return ssl.create_default_context(cafile=ca)


def harden(context: ssl.SSLContext) -> None:
    """Set what every context of ours needs, whatever the system's defaults are."""
    # openssl.cnf(5) may switch it on: an end without close_notify would pass for one with.
    context.options &= ~ssl.OP_IGNORE_UNEXPECTED_EOF
    # With it, sending could wait for receiving. TLS 1.3 has dropped it.
    context.options |= ssl.OP_NO_RENEGOTIATION
    # A name in the subject proves nothing since RFC 6125; only alternative names do.
    context.hostname_checks_common_name = False


@contextlib.contextmanager
def reading(what: str, *paths: str) -> Iterator[None]:
    """Name the last of *paths* in OpenSSL's complaints, or the one that cannot be read."""
    try:
        yield
    except ssl.SSLError as error:
        reason = error.reason or lacking(*paths) or error.strerror
        raise ssl.SSLError(error.errno, f"no usable {what} in {paths[-1]}: {reason}") from None
    except OSError as error:
        missing = next((path for path in paths if not os.access(path, os.R_OK)), paths[-1])
        text = f"no {what} in {missing}: {error.strerror}"
        raise type(error)(error.errno, text, missing) from None


def lacking(cert: str, key: str = "") -> str:
    """Say what the files of a certificate and its key do not hold, or how it is locked.

    OpenSSL says "PEM lib" of all this, which is where it looked.
    """
    held = Path(cert).read_bytes()
    if b"CERTIFICATE-----" not in held:
        return f"there is no certificate in {cert}"
    if key and key != cert:
        held = Path(key).read_bytes()
    if b"PRIVATE KEY-----" not in held:
        return f"there is no key in it{'; key=FILE says where one is' * (key == cert)}"
    if b"ENCRYPTED" in held:
        return "the key is encrypted, and key-password does not open it"
    return ""


def check_name(certificate: dict[str, Any], name: str) -> None:
    """Raise unless *certificate* is for the host *name*; RFC 6125 section 6.4.

    For a handshake without SNI, for which OpenSSL was not told the name.

    Raises:
      ssl.SSLCertVerificationError: it is for others.
    """
    names = [
        value.lower() for kind, value in certificate.get("subjectAltName", ()) if kind == "DNS"
    ]
    if not any(matches(pattern, name.lower()) for pattern in names):
        error = ssl.SSLCertVerificationError(
            1,
            f"certificate verify failed: it is for {', '.join(names) or 'no host'}, not {name}",
        )
        error.verify_code = HOSTNAME_MISMATCH
        raise error


def matches(pattern: str, name: str) -> bool:
    """Tell whether a certificate's DNS name stands for *name*, both lower-case."""
    first, _, parent = pattern.partition(".")
    if first == "*" and "." in parent:
        label, _, rest = name.partition(".")
        return bool(label) and rest == parent
    return pattern == name
