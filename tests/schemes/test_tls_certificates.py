"""tls: whom it believes, and what it says when it does not."""

from __future__ import annotations

import ssl
import subprocess
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from authority import Authority, Identity
from peers import StartPeer, echo
from tls_cases import advice, refusal

import fildes

NOW = datetime.now(UTC)
DAY = timedelta(days=1)


def self_signed(directory: Path) -> Identity:
    """Return a certificate for localhost that nobody but itself vouches for."""
    identity = Identity(directory / "self.pem", directory / "self.key")
    request = ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256"]
    request += ["-nodes", "-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost"]
    output = ["-keyout", str(identity.key_file), "-out", str(identity.cert_file)]
    subprocess.run([*request, *output], check=True, stderr=subprocess.DEVNULL)
    return identity


#: What is wrong with the certificate, the certificate, and a word of the advice.
UNPROVED: dict[str, tuple[Callable[[Authority], Identity], str]] = {
    "T1 expired": (
        lambda ca: ca.issue("localhost", not_before=NOW - 2 * DAY, not_after=NOW - DAY),
        "expired",
    ),
    "T2 not yet valid": (
        lambda ca: ca.issue("localhost", not_before=NOW + DAY, not_after=NOW + 2 * DAY),
        "clock",
    ),
    "T3 wrong host": (lambda ca: ca.issue("other.test"), "name="),
    "T3 wrong host, like ours": (lambda ca: ca.issue("localhost.test"), "name="),
    "T4 self-signed": (lambda ca: self_signed(ca.directory), "ca=FILE"),
    "T7 name in CN only": (lambda ca: ca.issue("x.test", common_name="localhost"), "name="),
}


@pytest.mark.parametrize("case", UNPROVED)
@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])
def test_unproved_name(
    case: str, version: ssl.TLSVersion, peer: StartPeer, tls_ca: Authority
) -> None:
    """A certificate that does not prove the name: an error with advice, nothing sent."""
    issue, word = UNPROVED[case]
    context = issue(tls_ca).server_context()
    context.maximum_version = version
    error = refusal(peer(echo, tls=context), ca=tls_ca.ca_file)
    assert isinstance(error, ssl.SSLCertVerificationError)
    assert word in advice(error)


def test_unknown_authority(peer: StartPeer, tls_ca: Authority) -> None:
    """T5: a CA that the system does not know is refused, and the advice is to pass it."""
    error = refusal(peer(echo, tls=tls_ca.server_context()))
    assert isinstance(error, ssl.SSLCertVerificationError)
    assert "ca=FILE" in advice(error)


@pytest.mark.parametrize(
    ("names", "common_name"),
    [
        (["x.test"], "127.0.0.1"),
        (["localhost"], None),
        (["*.0.0.1"], None),
        (["127.0.0.2"], None),
        (["::1"], None),
    ],
)
def test_unproved_address(
    names: list[str], common_name: str | None, peer: StartPeer, tls_ca: Authority
) -> None:
    """T7: an IP address is proved by an alternative name of that kind alone."""
    context = tls_ca.issue(*names, common_name=common_name).server_context()
    error = refusal(peer(echo, tls=context), "127.0.0.1", ca=tls_ca.ca_file)
    assert isinstance(error, ssl.SSLCertVerificationError)
    assert advice(error)


@pytest.mark.parametrize("host", ["localhost", "127.0.0.1", "LOCALHOST"])
def test_proved(host: str, peer: StartPeer, tls_ca: Authority) -> None:
    """A host with a certificate for its name or address opens; the file tells about it."""
    server = peer(echo, tls=tls_ca.server_context())
    with fildes.open(f"tls://{host}:{server.port}", tls={"ca": tls_ca.ca_file}) as f:
        engine = f.tls
        assert engine is not None
        assert engine.version == "TLSv1.3"
        assert str(engine.cipher).startswith("TLS_")
        assert ("DNS", "localhost") in engine.certificate["subjectAltName"]
        assert ssl.DER_cert_to_PEM_cert(engine.certificate_der or b"")
        step = f.trace[-1]
    assert step.name == "handshake"
    assert step.detail == f"{host.lower()}, TLSv1.3, {engine.cipher}"


def test_plain_file_has_no_tls(peer: StartPeer) -> None:
    """The TLS of a file that has none is None."""
    with fildes.open(peer(echo).address()) as f:
        assert f.tls is None


def test_last_dot_of_a_name(peer: StartPeer, tls_ca: Authority) -> None:
    """The dot that ends a complete name is neither sent nor looked for in a certificate."""
    names: list[str | None] = []
    context = tls_ca.issue("other.test").server_context()
    context.sni_callback = lambda tls, name, context: names.append(name)
    server = peer(echo, tls=context)
    options = {"ca": tls_ca.ca_file, "name": "Other.test."}
    with fildes.open(server.address("tls"), tls=options):
        assert names == ["other.test"]


@pytest.mark.parametrize(
    ("names", "proved"),
    [
        (["a.b.test"], True),
        (["*.b.test"], True),
        (["*.test"], False),
        (["*.a.b.test"], False),
        (["b.test"], False),
        (["127.0.0.1"], False),
    ],
)
@pytest.mark.parametrize("sni", [True, False])
def test_name_without_sni(
    names: list[str], proved: bool, sni: bool, peer: StartPeer, tls_ca: Authority
) -> None:
    """With sni=off the name is not sent, and proved by the same certificates as with it."""
    sent: list[str | None] = []
    context = tls_ca.issue(*names).server_context()
    context.sni_callback = lambda tls, name, context: sent.append(name)
    server = peer(echo, tls=context)
    options = {"ca": tls_ca.ca_file, "name": "a.b.test", "sni": sni}
    if proved:
        fildes.open(server.address("tls"), tls=options).close()
    else:
        error = refusal(server, **options)
        assert isinstance(error, ssl.SSLCertVerificationError)
        assert "name=" in advice(error)
    assert sent == ["a.b.test" if sni else None]


def test_verify_off_is_for_one_open(peer: StartPeer, tls_ca: Authority) -> None:
    """T9: verify=off of one open does not touch the next one to the same host."""
    server = peer(echo, echo, tls=tls_ca.server_context())
    with fildes.open(f"tls://localhost:{server.port}?verify=off") as f:
        assert f.tls is not None
        assert f.tls.certificate == {}
        assert f.tls.certificate_der
    error = refusal(server)
    assert isinstance(error, ssl.SSLCertVerificationError)


@pytest.mark.parametrize("option", ["ca=/etc/x.pem", "cert=/x", "key=/x", "verify=off", "name=x"])
def test_untrusted_address_cannot_weaken(option: str) -> None:
    """An untrusted address neither names our files nor says whom to believe."""
    with pytest.raises(PermissionError, match=option.partition("=")[0]):
        fildes.open(f"tls://1.1.1.1:443?{option}", policy=fildes.Policy.untrusted())
