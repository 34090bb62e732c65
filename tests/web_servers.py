"""Web servers that others wrote, with the same documents."""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from authority import Authority
from programs import free_port, need, serving

#: Documents by name. The large one is larger than any buffer on the way.
DOCUMENTS = {
    "empty": b"",
    "small.txt": b"hello\n",
    "with blank.txt": b"blank\n",
    "large.bin": bytes(range(256)) * 8192,
}

NGINX = """
daemon off; master_process off; pid {root}/pid; error_log {root}/log;
events {{ }}
http {{
  access_log off; default_type text/plain; absolute_redirect off;
  client_body_temp_path {root}; proxy_temp_path {root}; fastcgi_temp_path {root};
  uwsgi_temp_path {root}; scgi_temp_path {root};
  server {{
    listen unix:{root}/socket; listen 127.0.0.1:{tls_port} ssl;
    listen 127.0.0.1:{http2_port} http2; listen 127.0.0.1:{http2_tls_port} ssl http2;
    listen 127.0.0.1:{port};  # the last one: it is what is waited for
    ssl_certificate {cert}; ssl_certificate_key {key}; ssl_protocols TLSv1.2 TLSv1.3;
    root {root}/documents;
    location /chunked/ {{ alias {root}/documents/; ssi on; ssi_types *; }}
    location /until-close/ {{
      alias {root}/documents/; ssi on; ssi_types *; chunked_transfer_encoding off;
    }}
    location /gzip/ {{ alias {root}/documents/; gzip on; gzip_types *; gzip_min_length 1; }}
    location /301/ {{ return 301 /small.txt; }}
    location /302/ {{ return 302 http://localhost:{port}/small.txt; }}
    location /307/ {{ return 307 ../small.txt?a=b; }}
    location /308/ {{ return 308 /directory; }}
    location /to-tls/ {{ return 301 https://localhost:{tls_port}/small.txt; }}
    location /to-plain/ {{ return 301 http://localhost:{port}/small.txt; }}
    location /again/ {{ return 302 /again/; }}
    location /private/ {{
      alias {root}/documents/; auth_basic us; auth_basic_user_file {root}/users;
    }}
    location /forbidden/ {{ return 403; }}
    location /unavailable/ {{ return 503; }}
    location /nothing/ {{ return 204; }}
  }}
}}
"""


class Site(NamedTuple):
    """Where a web server's documents are."""

    plain: str
    secure: str
    unix: str
    http2: str  #: plain, for those who know; RFC 9113 section 3.3
    http2_secure: str


def write_documents(root: Path) -> None:
    """Write the documents below *root*."""
    (root / "documents" / "directory").mkdir(parents=True)
    (root / "documents" / "directory" / "index.html").write_text("<p>index</p>")
    for name, data in DOCUMENTS.items():
        (root / "documents" / name).write_bytes(data)


@contextlib.contextmanager
def nginx(root: Path, authority: Authority) -> Iterator[Site]:
    """Serve documents by nginx: plain, under TLS, and on a unix socket."""
    program, ports = need("nginx"), dict[str, int]()
    write_documents(root)
    root.chmod(0o755)
    (root / "users").write_text("me:{PLAIN}p@ss word\n")
    identity = authority.localhost

    def argv(port: int) -> list[str]:
        ports.update({name: free_port() for name in ("tls_port", "http2_port", "http2_tls_port")})
        words = {"root": root, "port": port, **ports}
        config = NGINX.format(**words, cert=identity.cert_file, key=identity.key_file)
        (root / "nginx.conf").write_text(config)
        return [program, "-c", str(root / "nginx.conf"), "-p", str(root), "-e", str(root / "log")]

    with serving(argv) as port:
        yield Site(
            f"http://localhost:{port}",
            "https://localhost:{tls_port}".format(**ports),
            f"unix://{root}/socket",
            "http://localhost:{http2_port}".format(**ports),
            "https://localhost:{http2_tls_port}".format(**ports),
        )


@contextlib.contextmanager
def python_server(root: Path) -> Iterator[str]:
    """Serve the documents by Python's own http.server."""
    write_documents(root)
    options = ["--bind", "127.0.0.1", "--directory", str(root / "documents")]
    with serving(lambda port: [sys.executable, "-m", "http.server", *options, str(port)]) as port:
        yield f"http://127.0.0.1:{port}"
