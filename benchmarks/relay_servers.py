"""Relays to compare with, each in a process of its own: what listens, and where it leads."""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from measuring import Missing
from servers import free_port, wait_until_listening

if TYPE_CHECKING:
    from authority import Identity

HOST = "127.0.0.1"
PATH = "/usr/sbin:/usr/bin:/usr/local/sbin:/usr/local/bin"


@dataclass(frozen=True)
class Relay:
    """A relay that runs."""

    port: int
    pid: int


def need(name: str) -> str:
    """Return the path of a program."""
    program = shutil.which(name, path=PATH)
    if program is None:
        raise Missing(f"{name} is not installed")
    return program


@contextlib.contextmanager
def running(port: int, *argv: str, udp: bool = False) -> Iterator[Relay]:
    """Run *argv*, which listens at *port*."""
    with subprocess.Popen(
        argv, stderr=subprocess.DEVNULL, stdout=subprocess.DEVNULL, process_group=0
    ) as process:
        try:
            if udp:
                wait_until_bound(port, process)
            else:
                wait_until_listening(port, process)
            yield Relay(port, process.pid)
        finally:  # with what it has forked: socat's children wait for datagrams for ever
            os.killpg(process.pid, signal.SIGTERM)


def wait_until_bound(port: int, process: subprocess.Popen[bytes]) -> None:
    """Wait until somebody has the udp port; who tried to bind it could be in the way."""
    while process.poll() is None:
        if f":{port:04X} " in Path("/proc/net/udp").read_text():
            return
        time.sleep(0.01)
    raise Missing(f"the relay ended with status {process.returncode}")


@contextlib.contextmanager
def fildes(
    target: int, scheme: str = "tcp", certificate: Identity | None = None
) -> Iterator[Relay]:
    """The command `fildes relay`, one process."""
    port = free_port()
    near = f"{scheme}-listen://{HOST}:{port}"
    if certificate is not None:
        near = f"tls-listen://{HOST}:{port}?cert={certificate.cert_file}&key={certificate.key_file}"
    far = f"{scheme}://{HOST}:{target}"
    argv = [sys.executable, "-m", "fildes", "relay", near, far]
    with running(port, *argv, udp=scheme == "udp") as relay:
        yield relay


@contextlib.contextmanager
def haproxy(target: int, certificate: Identity | None = None) -> Iterator[Relay]:
    """HAProxy in tcp mode, one thread."""
    port = free_port()
    with tempfile.TemporaryDirectory(prefix="fildes-bench-") as directory:
        bind = f"{HOST}:{port}"
        if certificate is not None:
            both = Path(directory, "both.pem")
            both.write_bytes(certificate.cert_file.read_bytes() + certificate.key_file.read_bytes())
            bind += f" ssl crt {both}"
        conf = Path(directory, "conf")
        conf.write_text(
            f"global\n nbthread 1\n maxconn 8000\n"
            f"defaults\n mode tcp\n timeout connect 5s\n timeout client 60s\n timeout server 60s\n"
            f"listen it\n bind {bind} backlog 4096\n server it {HOST}:{target}\n"
        )
        with running(port, need("haproxy"), "-db", "-f", str(conf)) as relay:
            yield relay


NGINX_STREAM = """\
daemon off; master_process off; pid {directory}/pid; error_log {directory}/error.log;
{load} events {{ worker_connections 16384; }}
stream {{ server {{ listen {host}:{port} backlog=4096; proxy_pass {host}:{target}; }} }}
"""


@contextlib.contextmanager
def nginx_stream(target: int) -> Iterator[Relay]:
    """The stream module of nginx, one process."""
    port, program = free_port(), need("nginx")
    module = Path("/usr/lib/nginx/modules/ngx_stream_module.so")
    if not module.exists():
        raise Missing("the stream module of nginx is not installed")
    with tempfile.TemporaryDirectory(prefix="fildes-bench-") as directory:
        conf = Path(directory, "conf")
        conf.write_text(
            NGINX_STREAM.format(
                directory=directory, load=f"load_module {module};", host=HOST, port=port,
                target=target,
            )
        )  # fmt: skip
        os.chmod(directory, 0o755)
        with running(port, program, "-e", f"{directory}/error.log", "-c", str(conf)) as relay:
            yield relay


@contextlib.contextmanager
def socat(target: int, *options: str, scheme: str = "TCP") -> Iterator[Relay]:
    """socat, which forks a process for each connection."""
    port = free_port()
    near = f"{scheme}-LISTEN:{port},bind={HOST},fork" + (
        ",reuseaddr,backlog=4096" if scheme == "TCP" else ""
    )
    argv = [need("socat"), *options, near, f"{scheme}:{HOST}:{target}"]
    with running(port, *argv, udp=scheme == "UDP") as relay:
        yield relay


def socat_large(target: int) -> contextlib.AbstractContextManager[Relay]:
    """socat with blocks of 1 MiB."""
    return socat(target, "-b", "1048576")


def socat_udp(target: int) -> contextlib.AbstractContextManager[Relay]:
    """socat between udp ports."""
    return socat(target, scheme="UDP")


@contextlib.contextmanager
def stunnel(target: int, certificate: Identity | None = None) -> Iterator[Relay]:
    """stunnel as a TLS server."""
    assert certificate is not None  # it is for nothing else
    port = free_port()
    with tempfile.TemporaryDirectory(prefix="fildes-bench-") as directory:
        conf = Path(directory, "conf")
        conf.write_text(
            f"foreground = yes\npid =\n[it]\naccept = {HOST}:{port}\nconnect = {HOST}:{target}\n"
            f"cert = {certificate.cert_file}\nkey = {certificate.key_file}\n"
        )
        with running(port, need("stunnel"), str(conf)) as relay:
            yield relay
