"""What the kernel calls a unix socket; unix(7)."""

from __future__ import annotations

import errno
import os

#: sun_path less its final NUL; unix(7).
MAX_PATH = 107


def sockaddr(path: str) -> bytes:
    """Return the name that the kernel knows *path* by; ``@name`` is an abstract one.

    Raises:
      OSError: ENAMETOOLONG.
    """
    name = os.fsencode(path)
    if len(name) > MAX_PATH:
        message = f"the path of a unix socket has at most {MAX_PATH} bytes: use a shorter one"
        raise OSError(errno.ENAMETOOLONG, message)
    return b"\0" + name[1:] if name.startswith(b"@") else name
