"""tls: what its options do."""

from __future__ import annotations

import ssl
import subprocess
import warnings
from pathlib import Path

import pytest
import trustme
from authority import Authority, Identity
from peers import Conversation, StartPeer, echo
from tls_cases import advice, refusal

import fildes


def test_ca_file_that_changes(peer: StartPeer, tls_ca: Authority, tmp_path: Path) -> None:
    """A CA file is read again when it has changed."""
    file = tmp_path / "ca.pem"
    trustme.CA().cert_pem.write_to_path(str(file))
    server = peer(echo, echo, tls=tls_ca.server_context())
    with pytest.raises(ssl.SSLCertVerificationError):
        fildes.open(f"tls://localhost:{server.port}", tls={"ca": file})
    tls_ca.ca.cert_pem.write_to_path(str(file))
    fildes.open(f"tls://localhost:{server.port}", tls={"ca": file}).close()


def test_ca_directory(peer: StartPeer, tls_ca: Authority, tmp_path: Path) -> None:
    """A CA may be a directory made by openssl rehash."""
    (tmp_path / "ours.pem").write_bytes(tls_ca.ca_file.read_bytes())
    subprocess.run(["openssl", "rehash", tmp_path], check=True)
    server = peer(echo, tls=tls_ca.server_context())
    fildes.open(f"tls://localhost:{server.port}?ca={tmp_path}").close()


def test_system_authorities(
    peer: StartPeer, tls_ca: Authority, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Without ca the system's are trusted, also one named by SSL_CERT_FILE just now."""
    server = peer(echo, echo, tls=tls_ca.server_context())
    with pytest.raises(ssl.SSLCertVerificationError):
        fildes.open(f"tls://localhost:{server.port}")
    monkeypatch.setenv("SSL_CERT_FILE", str(tls_ca.ca_file))
    fildes.open(f"tls://localhost:{server.port}").close()


@pytest.mark.parametrize("old", [ssl.TLSVersion.TLSv1, ssl.TLSVersion.TLSv1_1])
def test_old_versions(old: ssl.TLSVersion, peer: StartPeer, tls_ca: Authority) -> None:
    """T13: a server that offers only TLS 1.0 or 1.1 is refused, with advice."""
    context = tls_ca.server_context()
    with warnings.catch_warnings(action="ignore"):  # this is what we test
        context.minimum_version = context.maximum_version = old
    context.set_ciphers("ALL:@SECLEVEL=0")
    error = refusal(peer(echo, tls=context), ca=tls_ca.ca_file)
    assert isinstance(error, ssl.SSLError)
    assert "version" in advice(error)


def test_min_version(peer: StartPeer, tls_ca: Authority) -> None:
    """min-version=1.3 refuses a server that offers TLS 1.2."""
    context = tls_ca.server_context()
    context.maximum_version = ssl.TLSVersion.TLSv1_2
    error = refusal(peer(echo, tls=context), ca=tls_ca.ca_file, **{"min-version": "1.3"})
    assert "min-version" in advice(error)


def test_alpn(peer: StartPeer, tls_ca: Authority) -> None:
    """The protocol that the server chose among those offered is known."""
    context = tls_ca.server_context()
    context.set_alpn_protocols(["xmpp", "h2"])
    server = peer(echo, tls=context)
    ca = tls_ca.ca_file
    with fildes.open(f"tls://localhost:{server.port}?alpn=h2&alpn=spdy&ca={ca}") as f:
        assert f.tls is not None
        assert f.tls.alpn == "h2"
        assert f.trace[-1].detail.endswith(", h2")


def wants_client_certificate(tls_ca: Authority, version: ssl.TLSVersion) -> ssl.SSLContext:
    context = tls_ca.server_context()
    context.maximum_version = version
    context.verify_mode = ssl.CERT_REQUIRED
    context.load_verify_locations(str(tls_ca.ca_file))
    return context


def show_client(talk: Conversation) -> None:
    certificate = talk.wire.tls.getpeercert()  # type: ignore[attr-defined]  # a TlsWire
    talk.send(str(certificate["subjectAltName"]).encode())


@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])
def test_client_certificate(version: ssl.TLSVersion, peer: StartPeer, tls_ca: Authority) -> None:
    """A server that wants to know who we are sees our certificate."""
    server = peer(show_client, tls=wants_client_certificate(tls_ca, version))
    me = tls_ca.issue("me@home.test")
    options = {"ca": tls_ca.ca_file, "cert": me.cert_file, "key": me.key_file}
    with fildes.open(f"tls://localhost:{server.port}", tls=options) as f:
        assert b"me@home.test" in f.read()


@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])
def test_missing_client_certificate(
    version: ssl.TLSVersion, peer: StartPeer, tls_ca: Authority
) -> None:
    """Without the certificate that the server wants, the error says how to pass one."""
    server = peer(echo, tls=wants_client_certificate(tls_ca, version))
    with (
        pytest.raises(ssl.SSLError) as caught,
        fildes.open(f"tls://localhost:{server.port}", tls={"ca": tls_ca.ca_file}) as f,
    ):
        f.read()
    failure = fildes.failure_of(caught.value)
    assert failure is not None
    assert "cert=FILE" in failure.advice


def encrypted_key(identity: Identity, directory: Path) -> Path:
    file = directory / "encrypted.key"
    convert = ["openssl", "pkey", "-in", str(identity.key_file), "-aes128"]
    subprocess.run([*convert, "-passout", "pass:open sesame", "-out", str(file)], check=True)
    return file


def test_key_with_password(peer: StartPeer, tls_ca: Authority, tmp_path: Path) -> None:
    """An encrypted key is opened with its password."""
    me = tls_ca.issue("me@home.test")
    key = encrypted_key(me, tmp_path)
    server = peer(show_client, tls=wants_client_certificate(tls_ca, ssl.TLSVersion.TLSv1_3))
    files = {"ca": tls_ca.ca_file, "cert": me.cert_file, "key": key}
    options = {**files, "key-password": "open sesame"}
    with fildes.open(f"tls://localhost:{server.port}", tls=options) as f:
        assert b"me@home.test" in f.read()


@pytest.mark.parametrize("password", [None, "wrong-one"])
def test_key_with_wrong_password(
    password: str | None, peer: StartPeer, tls_ca: Authority, tmp_path: Path
) -> None:
    """A wrong or missing password is an error that names the file; nobody is prompted."""
    me = tls_ca.issue("me@home.test")
    key = encrypted_key(me, tmp_path)
    options = {"ca": tls_ca.ca_file, "cert": me.cert_file, "key": key, "key-password": password}
    error = refusal(peer(lambda talk: None), **options)
    assert isinstance(error, ssl.SSLError)
    assert str(key) in str(error)
    assert "the key is encrypted, and key-password does not open it" in str(error)
    assert "wrong-one" not in f"{error!r} {error}"


@pytest.mark.parametrize("option", ["ca", "cert", "key"])
def test_file_that_is_missing(option: str, peer: StartPeer, tls_ca: Authority) -> None:
    """A file that does not exist is FileNotFoundError, naming it."""
    me = tls_ca.localhost
    options = {"ca": tls_ca.ca_file, "cert": me.cert_file, "key": me.key_file}
    error = refusal(peer(lambda talk: None), **{**options, option: "/nonexistent/x.pem"})
    assert isinstance(error, FileNotFoundError)
    assert error.filename == "/nonexistent/x.pem"


@pytest.mark.parametrize("option", ["ca", "cert"])
def test_file_of_another_kind(
    option: str, peer: StartPeer, tls_ca: Authority, tmp_path: Path
) -> None:
    """A file without a certificate is an error that names it."""
    (tmp_path / "x").write_text("no certificate")
    options = {"ca": tls_ca.ca_file, option: tmp_path / "x"}
    error = refusal(peer(lambda talk: None), **options)
    assert str(tmp_path / "x") in str(error)
