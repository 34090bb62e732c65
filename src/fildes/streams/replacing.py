"""A document that is written beside its place, and put there by `close`.

Where the file system can, the new file has no name at all until then (O_TMPFILE of
open(2)), so that even SIGKILL leaves nothing behind; elsewhere it has a hidden name.
The directory is held open: neither chdir(2) nor renaming it leads elsewhere.
"""

from __future__ import annotations

import contextlib
import errno
import os
import stat
from typing import Self

from fildes.streams.kernel import DescriptorStream

#: What file systems without O_TMPFILE answer; open(2). EISDIR: kernels before 3.11
NO_TMPFILE = (errno.EOPNOTSUPP, errno.EISDIR, errno.ENOENT)

#: What file systems without hard links answer; link(2).
NO_LINKS = (errno.EPERM, errno.EOPNOTSUPP)


class Replacement(DescriptorStream):
    """The new content of one name in a directory.

    The new file gets the mode, and if possible the owner, of the old one; access
    lists, extended attributes and other hard links stay with the old one.

    Attributes:
      directory: a descriptor of the directory.
      name: the name that `close` gives the new file there.
      hidden: the name that it has until then; empty with O_TMPFILE.
      old: what is replaced; None for a new name.
    """

    access = os.O_WRONLY

    def __init__(self, directory: int, name: str, *, exclusive: bool) -> None:
        self.source = self.sink = -1
        self.directory, self.name, self.hidden = directory, name, ""
        self.exclusive = exclusive
        try:
            self.old = self.check_place()
            self.create(0o600 if self.old else 0o666)  # less the umask, as of open(2)
            super().__init__(sink=self.sink)
        except BaseException:
            self.abort()
            raise

    @classmethod
    def begin(cls, path: str, *, exclusive: bool) -> Self:
        """Start a new document for *path*; unless *exclusive*, links are followed.

        Raises:
          FileExistsError: it must not be there and is.
        """
        # A path that ends in "/" or "." names a directory.
        if os.path.basename(path) in ("", ".", ".."):
            raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR))
        place = path if exclusive else os.path.realpath(path)
        parent = os.path.dirname(place) or "."
        return cls(
            os.open(parent, os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC),
            os.path.basename(place),
            exclusive=exclusive,
        )

    def check_place(self) -> os.stat_result | None:
        """Return what is there now; raise if it may not be replaced."""
        try:
            old = os.stat(self.name, dir_fd=self.directory, follow_symlinks=False)
        except FileNotFoundError:
            return None
        if self.exclusive:
            raise FileExistsError(errno.EEXIST, os.strerror(errno.EEXIST))
        if not stat.S_ISREG(old.st_mode):  # a loop of links, or exchanged just now
            raise OSError(errno.ELOOP, os.strerror(errno.ELOOP))
        if not os.access(self.name, os.W_OK, dir_fd=self.directory, effective_ids=True):
            raise PermissionError(errno.EACCES, os.strerror(errno.EACCES))
        return old

    def create(self, mode: int) -> None:
        """Create the new file, nameless if that is possible."""
        flags = self.access | os.O_CLOEXEC
        try:
            self.sink = os.open(".", flags | os.O_TMPFILE, mode, dir_fd=self.directory)
        except OSError as error:
            if error.errno not in NO_TMPFILE:
                raise
            hidden = self.hidden_name()
            flags |= os.O_CREAT | os.O_EXCL
            self.sink = os.open(hidden, flags, mode, dir_fd=self.directory)
            self.hidden = hidden

    def hidden_name(self) -> str:
        """Return a name that nobody else uses; 64 random bits see to that."""
        return f".fildes-{os.urandom(8).hex()}"

    async def half_close(self) -> None:
        """Do nothing: the document is complete when it is closed."""

    async def close(self) -> None:
        """Put the document in its place, in one step."""
        if self.sink < 0:
            return
        try:
            self.keep_attributes()
            self.commit()
        finally:
            self.abort()

    def keep_attributes(self) -> None:
        """Give the new file the owner and mode of the old one."""
        if self.old is None:
            return
        mode = stat.S_IMODE(self.old.st_mode)
        try:
            os.fchown(self.sink, self.old.st_uid, self.old.st_gid)
        except PermissionError:  # not the owner: then no set-user-ID for another one
            mode &= 0o777
        os.fchmod(self.sink, mode)

    def commit(self) -> None:
        """Name the new file."""
        if self.hidden:
            # Some file systems report a failed write no sooner than in close(2).
            sink, self.sink = self.sink, -1
            os.close(sink)
        if self.exclusive:
            self.link(self.name)
            return
        if not self.hidden:
            hidden = self.hidden_name()
            self.link(hidden)
            self.hidden = hidden
        self.rename()

    def link(self, name: str) -> None:
        """Give the new file *name*, which must be free.

        Raises:
          FileExistsError: it is taken.
        """
        source = self.hidden or f"/proc/self/fd/{self.sink}"
        try:
            # With a directory os.link is linkat(2), which follows the link in /proc.
            os.link(source, name, src_dir_fd=self.directory, dst_dir_fd=self.directory)
        except OSError as error:
            if error.errno not in NO_LINKS or not self.hidden:
                raise
            taken = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC
            os.close(os.open(name, taken, 0o600, dir_fd=self.directory))
            self.rename()

    def rename(self) -> None:
        """Move the new file from its hidden name to its place."""
        hidden = self.hidden
        os.rename(hidden, self.name, src_dir_fd=self.directory, dst_dir_fd=self.directory)
        self.hidden = ""

    def abort(self) -> None:
        """Release everything; what is not in its place is gone."""
        hidden, self.hidden = self.hidden, ""
        directory, self.directory = self.directory, -1
        with contextlib.ExitStack() as undo:
            if directory >= 0:
                undo.callback(os.close, directory)
            if hidden:
                undo.callback(os.unlink, hidden, dir_fd=directory)
            super().abort()
