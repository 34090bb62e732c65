"""Apache and lighttpd, with the documents of `web_servers`."""

from __future__ import annotations

import contextlib
import hashlib
import os
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from programs import need, serving
from web_servers import write_documents

#: Where Debian has the modules of Apache.
MODULES = Path("/usr/lib/apache2/modules")

LOADED = (
    "mpm_event", "authz_core", "alias", "dir", "deflate", "filter", "headers", "dav",
    "dav_fs", "auth_digest", "auth_basic", "authn_core", "authn_file", "authz_user", "mime",
)  # fmt: skip

APACHE = """
ServerRoot {root}
ServerName localhost
PidFile {root}/pid
DefaultRuntimeDir {root}
ErrorLog {root}/log
Listen 127.0.0.1:{port}
TypesConfig /dev/null
DocumentRoot {root}/documents
DavLockDB {root}/locks
<Directory {root}/documents>
  Require all granted
  Options FollowSymLinks
</Directory>
Alias /gzip {root}/documents
Alias /digest {root}/documents
Alias /dav {root}/written
<Directory {root}/written>
  Require all granted
  Dav on
</Directory>
<Location /gzip>
  SetOutputFilter DEFLATE
</Location>
<Location /digest>
  AuthType Digest
  AuthName us
  AuthDigestProvider file
  AuthUserFile {root}/digests
  Require valid-user
</Location>
Redirect 301 /one /two
Redirect 302 /two http://localhost:{port}/three
Redirect 307 /three /four
Redirect 308 /four http://127.0.0.1:{port}
"""

LIGHTTPD = """
server.modules = ( "mod_redirect" )
server.document-root = "{root}/documents"
server.bind = "127.0.0.1"
server.port = {port}
server.errorlog = "{root}/log"
server.pid-file = "{root}/pid"
index-file.names = ( "index.html" )
mimetype.assign = ( "" => "text/plain" )
url.redirect = (
  "^/one/(.*)" => "/two/$1", "^/two/(.*)" => "http://localhost:{port}/three/$1",
  "^/three/(.*)" => "/four/$1", "^/four/(.*)" => "http://127.0.0.1:{port}/$1"
)
"""


def write_old_documents(root: Path) -> None:
    """Write the documents with times long ago: new ones have only weak tags with Apache."""
    write_documents(root)
    for place in (root / "documents").rglob("*"):
        os.utime(place, (1_700_000_000, 1_700_000_000))


@contextlib.contextmanager
def apache() -> Iterator[str]:
    """Serve the documents by Apache, and take those that are put below /dav."""
    program = need("apache2")
    if not MODULES.is_dir():
        pytest.skip("the modules of Apache are not where Debian has them")
    digest = hashlib.md5(b"me:us:p@ss word", usedforsecurity=False).hexdigest()
    # As root it becomes another user, who has no way into the folders of pytest.
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
        write_old_documents(root)
        (root / "digests").write_text(f"me:us:{digest}\n")
        (root / "written").mkdir()
        root.chmod(0o777)
        (root / "written").chmod(0o777)

        def argv(port: int) -> list[str]:
            lines = [f"LoadModule {name}_module {MODULES}/mod_{name}.so" for name in LOADED]
            if os.getuid() == 0:
                lines.append("User nobody\nGroup nogroup")
            lines.append(APACHE.format(root=root, port=port))
            (root / "apache.conf").write_text("\n".join(lines))
            return [program, "-X", "-f", str(root / "apache.conf")]

        with serving(argv) as port:
            yield f"http://127.0.0.1:{port}"


@contextlib.contextmanager
def lighttpd(root: Path) -> Iterator[str]:
    """Serve the documents by lighttpd."""
    program = need("lighttpd")
    write_old_documents(root)

    def argv(port: int) -> list[str]:
        (root / "lighttpd.conf").write_text(LIGHTTPD.format(root=root, port=port))
        return [program, "-D", "-f", str(root / "lighttpd.conf")]

    with serving(argv) as port:
        yield f"http://127.0.0.1:{port}"
