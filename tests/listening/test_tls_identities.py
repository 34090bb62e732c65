"""Certificates of a TLS listener: which one it shows, and which ones it wants to see."""

from __future__ import annotations

import socket
import ssl
import threading
from pathlib import Path
from typing import Any

import pytest
from authority import Authority, Identity
from tls_listeners import ask, echo, echoing, options

import fildes


def test_certificate_is_chosen_by_name(tls_ca: Authority) -> None:
    """A client gets the certificate for the name that it asks for, wildcards last."""
    names = ["first.example", "second.example", "*.second.example", "www.second.example"]
    identities = [tls_ca.issue(name) for name in names]
    tls = {
        "cert": [each.cert_file for each in identities],
        "key": [each.key_file for each in identities],
    }
    with fildes.listen("tls://127.0.0.1:0", tls=tls) as listener, echoing(listener):
        seen = {}
        for name in (*names[:2], "ftp.second.example", "www.second.example", "WWW.second.example"):
            with ask(listener, tls_ca.ca_file, name) as f:
                echo(f)
                assert f.tls is not None
                seen[name] = f.tls.certificate["subjectAltName"][0][1]
        with ask(listener, tls_ca.ca_file, "unknown.example", verify=False) as f:
            echo(f)
            assert f.tls is not None
            der = f.tls.certificate_der
    assert seen == {
        "first.example": "first.example",
        "second.example": "second.example",
        "ftp.second.example": "*.second.example",
        "www.second.example": "www.second.example",
        "WWW.second.example": "www.second.example",
    }
    first = ssl.PEM_cert_to_DER_cert(pem(identities[0].cert_file))
    assert der == first


def pem(path: Path) -> str:
    return path.read_text().partition("-----END CERTIFICATE-----")[0] + "-----END CERTIFICATE-----"


def test_certificates_in_a_directory(tls_ca: Authority, tmp_path: Path) -> None:
    """A directory stands for the .pem files in it, each with its key."""
    for name in ("one.example", "two.example"):
        identity = tls_ca.issue(name)
        text = identity.cert_file.read_text() + identity.key_file.read_text()
        (tmp_path / f"{name}.pem").write_text(text)
    (tmp_path / "README").write_text("not one of them")
    with (
        fildes.listen("tls://127.0.0.1:0", tls={"cert": tmp_path}) as listener,
        echoing(listener),
    ):
        for name in ("two.example", "one.example"):
            with ask(listener, tls_ca.ca_file, name) as f:
                assert echo(f) == b"hello\n"


def test_reload_takes_what_the_files_hold_now(tls_ca: Authority, tmp_path: Path) -> None:
    """After a reload new clients get the new certificate, and open connections go on."""
    cert = tmp_path / "cert.pem"

    def install(identity: Identity) -> None:
        cert.write_bytes(identity.cert_file.read_bytes() + identity.key_file.read_bytes())

    install(tls_ca.issue("old.example"))
    with fildes.listen("tls://127.0.0.1:0", tls={"cert": cert}) as listener, echoing(listener):
        with ask(listener, tls_ca.ca_file, "old.example") as f:
            install(tls_ca.issue("new.example"))
            listener.reload()
            assert echo(f) == b"hello\n"
        with ask(listener, tls_ca.ca_file, "new.example") as f:
            assert echo(f) == b"hello\n"
        cert.write_text("nothing")
        with pytest.raises(OSError, match=r"cert\.pem"):
            listener.reload()
        with ask(listener, tls_ca.ca_file, "new.example") as f:
            assert echo(f) == b"hello\n"


CLIENTS: list[tuple[dict[str, Any], str, bool]] = [
    ({}, "ours", True),
    ({}, "none", False),
    ({}, "theirs", False),
    ({"optional": True}, "none", True),
    ({"optional": True}, "theirs", False),
    ({"verify": False}, "none", True),
]


@pytest.mark.parametrize(("given", "who", "welcome"), CLIENTS)
def test_client_certificates(
    given: dict[str, Any], who: str, welcome: bool, tls_ca: Authority, tmp_path: Path
) -> None:
    """With a CA for clients only those are let in that it vouches for, or without one."""
    identities = {"ours": tls_ca, "theirs": Authority(tmp_path)}
    tls = {}
    if who in identities:
        tls = options(identities[who].issue("me@example.com", common_name="me"))
    with (
        fildes.listen(
            "tls://127.0.0.1:0", tls=options(tls_ca.localhost, ca=tls_ca.ca_file, **given)
        ) as listener,
        echoing(listener) as served,
    ):
        f = ask(listener, tls_ca.ca_file, **tls)
        try:
            answer = echo(f)
        except OSError:  # TLS 1.3: the client learns it with the answer
            answer = b""
        finally:
            f.abort()
        assert answer == (b"hello\n" if welcome else b"")
        assert len(served) == welcome


@pytest.mark.parametrize(("wanted", "welcome"), [
    (["me"], True), (["ME@example.com"], True), (["you", "me"], True), (["you"], False),
    (["example.com"], False),
])  # fmt: skip
@pytest.mark.parametrize("version", ["1.2", "1.3"])
def test_clients_of_a_name(
    wanted: list[str], welcome: bool, version: str, tls_ca: Authority
) -> None:
    """Of the clients that the CA vouches for only those of a name are let in."""
    ours = options(tls_ca.localhost, ca=tls_ca.ca_file, **{"client-name": wanted})
    client = options(tls_ca.issue("me@example.com", common_name="me"))
    refused: list[Exception] = []
    with fildes.listen("tls://127.0.0.1:0", tls=ours) as listener, echoing(listener) as served:
        listener.acceptor.refused = lambda peer, reason: refused.append(reason)
        context = tls_ca.client_context()
        context.load_cert_chain(client["cert"], client["key"])
        context.maximum_version = getattr(ssl.TLSVersion, f"TLSv{version.replace('.', '_')}")
        host, port = "localhost", int(listener.address.rpartition(":")[2])
        answer = b""
        with socket.create_connection(("127.0.0.1", port), 20) as sock:
            try:
                with context.wrap_socket(sock, server_hostname=host) as secure:
                    secure.sendall(b"hello\n")
                    answer = secure.recv(99)
            except OSError:  # TLS 1.3: the client learns it with the answer
                pass
        assert answer == (b"hello\n" if welcome else b"")
        assert len(served) == welcome
    assert ["it is for " in str(reason) for reason in refused] == [True] * (not welcome)


def test_name_of_clients_needs_an_authority(tls_ca: Authority) -> None:
    """Whoever is believed may be of that name, so it has to be said who is believed."""
    for given in ({}, {"ca": tls_ca.ca_file, "verify": False}):
        tls = options(tls_ca.localhost, **given, **{"client-name": ["me"]})
        with pytest.raises(fildes.AddressError, match="client-name needs ca"):
            fildes.listen("tls://127.0.0.1:0", tls=tls)


def test_verifying_needs_an_authority(tls_ca: Authority) -> None:
    """Who asks for certificates of clients has to say who is believed: all would be let in."""
    with pytest.raises(fildes.AddressError, match="verify needs ca"):
        fildes.listen("tls://127.0.0.1:0", tls=options(tls_ca.localhost, verify=True))


@pytest.mark.parametrize("missing", ["cert", "key"])
def test_missing_files_are_named(missing: str, tls_ca: Authority) -> None:
    """Of a certificate and a key, the error says which of the two files is not there."""
    ours = tls_ca.localhost
    files = {"cert": ours.cert_file, "key": ours.key_file, missing: "/nowhere/it"}
    query = "&".join(f"{name}={path}" for name, path in files.items())
    with pytest.raises(FileNotFoundError, match="no certificate and key in /nowhere/it"):
        fildes.listen(f"tls-listen://127.0.0.1:0?{query}")


def test_certificate_of_the_client_is_known(tls_ca: Authority) -> None:
    """What the client has proved can be read on the accepted file."""
    client = tls_ca.issue("me@example.com", common_name="me")
    with fildes.listen(
        "tls://127.0.0.1:0", tls=options(tls_ca.localhost, ca=tls_ca.ca_file)
    ) as listener:
        subjects = []

        def serve() -> None:
            with listener.accept(timeout=20) as f:
                assert f.tls is not None
                subjects.append(f.tls.certificate["subject"])
                f.write(f.readline())

        thread = threading.Thread(target=serve)
        thread.start()
        with ask(listener, tls_ca.ca_file, **options(client)) as f:
            assert echo(f) == b"hello\n"
        thread.join()
    assert (("commonName", "me"),) in subjects[0]


def test_protocol_is_agreed_on(tls_ca: Authority) -> None:
    """ALPN: the first protocol of the listener that the client offers, too."""
    tls = options(tls_ca.localhost, alpn=["h2", "http/1.1"])
    with (
        fildes.listen("tls://127.0.0.1:0", tls=tls) as listener,
        echoing(listener),
        ask(listener, tls_ca.ca_file, alpn=["http/1.1", "h2"]) as f,
    ):
        assert f.tls is not None
        assert f.tls.alpn == "h2"
        echo(f)
