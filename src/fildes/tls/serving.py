"""The contexts of a TLS server: one for each certificate, chosen by the name asked for.

A client says in its first message whom it wants (SNI, RFC 6066 section 3), and gets the
certificate that is for this name; the first one otherwise. All contexts have the same
settings but for the certificate, and are made anew as one: whoever is in a handshake
meanwhile goes on with the old ones.
"""

from __future__ import annotations

import os
import re
import ssl
from collections.abc import Mapping
from typing import Any, NamedTuple

from fildes.address.model import Secret
from fildes.errors import AddressError, ProtocolError
from fildes.tls.context import MINIMUM_VERSIONS, harden, matches, reading
from fildes.wire.certificate import dns_names

#: The first certificate of a file is its owner's, the others lead to the root.
FIRST_CERTIFICATE = re.compile(
    r"-----BEGIN CERTIFICATE-----.*?-----END CERTIFICATE-----", re.DOTALL
)


class Settings(NamedTuple):
    """What makes a server's contexts.

    Attributes:
      certs: files with a chain each; a directory stands for all its .pem files.
      keys: files with the key of each; empty where the chains' files hold them.
      ca: a file or directory of CAs that vouch for clients; empty to ask for none.
      verify: refuse a client whose certificate none of *ca* vouches for.
      optional: let a client without a certificate in, too.
      client_names: what a client's certificate has to be for, one of them; empty for anybody.
    """

    certs: tuple[str, ...]
    keys: tuple[str, ...] = ()
    key_password: Secret = Secret("")
    ca: str = ""
    verify: bool = True
    optional: bool = False
    client_names: tuple[str, ...] = ()
    alpn: tuple[str, ...] = ()
    min_version: str = "1.2"


class ServerObject(ssl.SSLObject):
    """OpenSSL's object of a server, which knows the name that the client asked for."""

    asked_name: str | None = None


class CheckingObject(ServerObject):
    """One that lets in clients of some names only.

    Attributes:
      client_names: as of `Settings`.
    """

    client_names: tuple[str, ...] = ()

    def do_handshake(self) -> None:
        """Take the handshake further, and look at its end who the client is."""
        super().do_handshake()
        check_client(self.getpeercert() or {}, self.client_names)


def check_client(certificate: Mapping[str, Any], wanted: tuple[str, ...]) -> None:
    """Raise unless the *certificate* of a client is for one of the names *wanted*.

    Its alternative names count, of whatever kind, and the common name of its subject,
    which is all that many certificates of clients have.

    Raises:
      ssl.SSLCertVerificationError: it is for others.
    """
    names = [value for _, value in certificate.get("subjectAltName", ())]
    for part in certificate.get("subject", ()):
        names += [value for kind, value in part if kind == "commonName"]
    if not {name.lower() for name in names} & {name.lower() for name in wanted}:
        told = ", ".join(map(str, names)) or "nobody"
        raise ssl.SSLCertVerificationError(
            1, f"certificate verify failed: it is for {told}, not for {' or '.join(wanted)}"
        )


def take_name(tls: ssl.SSLObject, name: str | None, _: ssl.SSLContext) -> None:
    """Keep the name that a client asks for."""
    assert isinstance(tls, ServerObject)
    tls.asked_name = name


class Contexts:
    """The contexts of one listener.

    Attributes:
      first: what a handshake begins with.
      by_name: contexts by the names of their certificates, wildcards included.
    """

    def __init__(self, settings: Settings) -> None:
        """Read all files.

        Raises:
          OSError: a file cannot be read, or is not what it should be; it is named.
        """
        if settings.client_names and not (settings.ca and settings.verify):
            raise AddressError(
                "client-name needs ca (cafile): the CAs whose certificates are believed"
            )
        self.settings = settings
        self.load()

    def load(self) -> None:
        """Read all files again; after an error the contexts are what they were."""
        by_name: dict[str, ssl.SSLContext] = {}
        made = []
        for cert, key in pairs(self.settings):
            context = make_context(self.settings, cert, key)
            made.append(context)
            for name in names_of(cert):
                by_name.setdefault(name, context)
        self.first, self.by_name = made[0], by_name
        self.first.sslobject_class = object_class(self.settings)
        self.first.sni_callback = self.choose if len(made) > 1 else take_name

    @property
    def host(self) -> str:
        """A name that the first certificates are for; localhost if they say none."""
        return next((name for name in self.by_name if "*" not in name), "localhost")

    def choose(self, tls: ssl.SSLObject, name: str | None, _: ssl.SSLContext) -> None:
        """Take the certificate that is for *name*, in the middle of a handshake."""
        take_name(tls, name, self.first)
        context = self.find((name or "").lower())
        if context is not None:
            tls.context = context

    def find(self, name: str) -> ssl.SSLContext | None:
        """Return the context for a host; a certificate for just this name is preferred."""
        exact = self.by_name.get(name)
        if exact is not None:
            return exact
        found = (each for pattern, each in self.by_name.items() if matches(pattern, name))
        return next(found, None)


def object_class(settings: Settings) -> type[ServerObject]:
    """Return what handshakes are done with."""
    if not settings.client_names:
        return ServerObject
    names = {"client_names": settings.client_names}
    return type("CheckingObjectOfNames", (CheckingObject,), names)


def pairs(settings: Settings) -> list[tuple[str, str]]:
    """Return the files of each certificate and of its key; no name for the same file.

    Raises:
      AddressError: there are not as many keys as certificates.
    """
    if settings.keys and len(settings.keys) != len(settings.certs):
        raise AddressError("each cert takes a key, in the same order; or its file holds both")
    keys = settings.keys or ("",) * len(settings.certs)
    found: list[tuple[str, str]] = []
    for cert, key in zip(settings.certs, keys, strict=True):
        if os.path.isdir(cert):
            names = sorted(name for name in os.listdir(cert) if name.endswith(".pem"))
            found += [(os.path.join(cert, name), "") for name in names]
        else:
            found.append((cert, key))
    if not found and settings.certs:
        raise AddressError(f"no .pem file, with a certificate and its key, in {settings.certs[0]}")
    if not found:
        message = "a TLS listener needs a certificate: cert=FILE, and key=FILE unless that has both"
        raise AddressError(message)
    return found


def make_context(settings: Settings, cert: str, key: str) -> ssl.SSLContext:
    """Return a context that proves one identity."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    harden(context)
    context.minimum_version = MINIMUM_VERSIONS[settings.min_version]
    with reading("certificate and key", cert, key or cert):
        # A password, though empty, keeps OpenSSL from asking for one at the terminal.
        context.load_cert_chain(cert, key or None, lambda: settings.key_password)
    if settings.alpn:
        context.set_alpn_protocols(settings.alpn)
    if settings.ca and settings.verify:
        with reading("CA certificate", settings.ca):
            if os.path.isdir(settings.ca):
                context.load_verify_locations(capath=settings.ca)
            else:
                context.load_verify_locations(cafile=settings.ca)
        context.verify_mode = ssl.CERT_OPTIONAL if settings.optional else ssl.CERT_REQUIRED
    return context


def names_of(path: str) -> list[str]:
    """Return the names of hosts that the certificate in the file at *path* is for."""
    with open(path, encoding="ascii", errors="replace") as file:
        found = FIRST_CERTIFICATE.search(file.read())
    if found is None:  # OpenSSL takes other forms, too
        return []
    try:
        return dns_names(ssl.PEM_cert_to_DER_cert(found[0]))
    except (ProtocolError, ValueError):
        return []
