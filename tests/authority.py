"""A certificate authority for tests, and the contexts and files made from it."""

from __future__ import annotations

import ssl
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

import trustme


@dataclass(frozen=True)
class Identity:
    """A certificate with its key, as files for programs and as a context for peers."""

    cert_file: Path
    key_file: Path

    def server_context(self) -> ssl.SSLContext:
        """Return a new context that proves this identity, to be adjusted freely."""
        context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        context.load_cert_chain(self.cert_file, self.key_file)
        return context


class Authority:
    """A certificate authority that no system trusts.

    Attributes:
      ca_file: its own certificate, in PEM.
      localhost: an identity for localhost, 127.0.0.1 and ::1.
    """

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self.ca = trustme.CA()
        self.ca_file = directory / "ca.pem"
        self.ca.cert_pem.write_to_path(str(self.ca_file))
        self.localhost = self.issue("localhost", "127.0.0.1", "::1")

    def issue(
        self,
        *names: str,
        common_name: str | None = None,
        not_before: datetime | None = None,
        not_after: datetime | None = None,
    ) -> Identity:
        """Issue a certificate for *names*: host names, addresses or e-mail addresses."""
        issued = self.ca.issue_cert(
            *names, common_name=common_name, not_before=not_before, not_after=not_after
        )
        stem = f"identity-{len(list(self.directory.iterdir()))}"
        identity = Identity(self.directory / f"{stem}.pem", self.directory / f"{stem}.key")
        issued.private_key_pem.write_to_path(str(identity.key_file))
        for blob in issued.cert_chain_pems:
            blob.write_to_path(str(identity.cert_file), append=True)
        return identity

    def server_context(self) -> ssl.SSLContext:
        """Return a new server's context for localhost."""
        return self.localhost.server_context()

    def client_context(self) -> ssl.SSLContext:
        """Return a new client's context that trusts this authority alone."""
        return ssl.create_default_context(cafile=str(self.ca_file))
