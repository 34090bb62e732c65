"""The names in a certificate, read from its DER."""

from __future__ import annotations

import contextlib
import ssl

import pytest
import trustme
from hypothesis import given
from hypothesis import strategies as st

from fildes.errors import ProtocolError
from fildes.wire.certificate import dns_names


def issue(*names: str) -> bytes:
    blob = trustme.CA().issue_cert(*names).cert_chain_pems[0]
    return ssl.PEM_cert_to_DER_cert(blob.bytes().decode())


CERTIFICATE = issue("Example.com", "*.example.com", "127.0.0.1", "me@example.com")


def test_names_are_those_of_hosts() -> None:
    """DNS names are found, in small letters; addresses and mailboxes are not among them."""
    assert dns_names(CERTIFICATE) == ["example.com", "*.example.com"]


def test_many_names() -> None:
    """Lengths of more than one byte are understood."""
    names = [f"host-{number}.example" for number in range(100)]
    assert dns_names(issue(*names)) == names


@pytest.mark.parametrize("size", [0, 1, 2, 5, 100, len(CERTIFICATE) - 1])
def test_cut_certificate(size: int) -> None:
    """What is cut is no certificate."""
    with pytest.raises(ProtocolError):
        dns_names(CERTIFICATE[:size])


@given(st.integers(0, len(CERTIFICATE) - 1), st.integers(0, 255))
def test_damage_is_an_error_or_harmless(at: int, byte: int) -> None:
    """One wrong byte gives names or a ProtocolError, and nothing else."""
    damaged = CERTIFICATE[:at] + bytes([byte]) + CERTIFICATE[at + 1 :]
    with contextlib.suppress(ProtocolError):
        assert all(isinstance(name, str) for name in dns_names(damaged))
