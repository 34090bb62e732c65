"""Files of documents of a site that is known: in everything as those opened the long way."""

from __future__ import annotations

import contextlib
import io
import os
import pickle
from collections.abc import Callable
from pathlib import Path

import pytest
from counting import CountingServer, Reply, whole
from known import DATA, known, of_its_own, public, read, whole_of_its_own

import fildes
from fildes.files.here import HereFile, HereStream

#: Texts after the site, and whether they are plain: asked for without being parsed.
TARGETS = {
    "/": True,
    "/a": True,
    "//a/../b/./~c": True,
    "/%41%2f%ff?%00": True,
    "/a!$&'()*+,;=@b": True,
    "/?": True,
    "/?a?b=%3A&c=/": True,
    "/a:b": False,
    "/a#b": False,
    "/?a:b": False,
}


@pytest.mark.parametrize("reply", [of_its_own, whole_of_its_own])
@pytest.mark.parametrize("target", TARGETS)
def test_everything_is_the_same(
    site: CountingServer, opener: fildes.Opener, target: str, reply: Reply
) -> None:
    """What a file says of itself is what it says where nothing was known."""
    site.reply = reply
    for _ in range(2):
        read(opener, site.address("/known"))
    address = site.address(target)
    with opener.open(address) as file:
        opener.sites.clear()
        with opener.open(address) as long:
            quick = isinstance(file, HereFile) and file.made is None
            assert quick == TARGETS[target]
            same, other = public(file), public(long)
            if file.local != long.local:  # an answer that is not whole holds its connection
                assert not quick
                del same["local"], other["local"], same["trace"], other["trace"]
            assert same == other
            assert refused(file) == refused(long)
            assert file.read() == long.read() == target.partition("#")[0].encode()
    assert public_closed(file) == public_closed(long)
    assert site.asked[-1].head == site.asked[-2].head
    assert site.connections == (1 if quick or reply is of_its_own else 2)


def refused(file: fildes.BufferedFile) -> list[tuple[type, str]]:
    """Return how *file* refuses what cannot be done with it."""
    uses: list[Callable[[], object]] = [
        *(file.tell, file.detach, lambda: file.write(b""), file.truncate),
        *(lambda: file.seek(0), lambda: file.seek(-1), lambda: file.pread(1, 0)),
        *(lambda: file.read_ranges([(0, 1)]), lambda: pickle.dumps(file)),
    ]
    found = []
    for use in uses:
        try:
            use()
        except (OSError, ValueError, TypeError) as error:
            found.append((type(error), str(error)))
    return found


def public_closed(file: fildes.BufferedFile) -> tuple[object, ...]:
    """Return what a closed file still says."""
    for use in (file.read, file.tell, file.seekable, file.fileno, file.__enter__):
        with pytest.raises(ValueError, match=r"closed|no position"):
            use()
    with pytest.raises(ValueError, match="closed"):
        file.pread(1, 0)
    return file.closed, file.address, file.response, file.size, repr(file)


def test_described_after_it_was_closed(site: CountingServer, opener: fildes.Opener) -> None:
    """A file that nobody has asked before says when it is closed what it was."""
    address = known(opener, site)
    with opener.open(address) as file:
        pass
    assert (file.closed, file.description.closed, file.address) == (True, True, address)
    assert file.response is not None
    assert file.response.status == 206
    file.close()
    file.abort()


def test_described_before_it_was_closed(site: CountingServer, opener: fildes.Opener) -> None:
    """Closing a file closes its description, that aborts it too."""
    for end in (HereFile.close, HereFile.abort):
        file = opener.open(known(opener, site))
        assert isinstance(file, HereFile)
        description = file.description
        end(file)
        assert (file.closed, description.closed) == (True, True)


def test_unclosed(site: CountingServer, opener: fildes.Opener) -> None:
    """A file that nobody closes is told."""
    address = known(opener, site)
    with pytest.warns(ResourceWarning, match="unclosed file"):
        opener.open(address)


def test_failed_with(site: CountingServer, opener: fildes.Opener) -> None:
    """An error in the block closes it, also where its bytes are a descriptor's by then."""
    address = known(opener, site)
    for use in (fildes.BufferedFile.tell, fildes.BufferedFile.fileno):
        file = opener.open(address)
        with contextlib.suppress(ZeroDivisionError), file:
            use(file)
            raise ZeroDivisionError
        assert file.closed


def test_pickled_as_itself(site: CountingServer, opener: fildes.Opener) -> None:
    """It is pickled as the document that it is, and not as the first one of its site."""
    known(opener, site)
    site.reply = of_its_own
    with opener.open(site.address("/one")) as file, pickle.loads(pickle.dumps(file)) as again:
        assert again.read() == b"/one"


def test_without_ranges(site: CountingServer, opener: fildes.Opener, tmp_path: Path) -> None:
    """A document of a server without ranges is read, copied and given away as any other."""
    site.reply = whole
    for _ in range(2):
        assert read(opener, site.address()) == DATA
    with opener.open(site.address()) as file:
        assert isinstance(file, HereStream)
        assert (file.read(7), file.readline(), file.peek(1)[:1]) == (DATA[:7], DATA[7:17], b"a")
        assert os.read(file.fileno(), 10) == DATA[17:27]
        assert file.read() == DATA[27:]
    with opener.open(site.address()) as file, fildes.open(tmp_path / "copy", "wb") as copy:
        assert fildes.pipe(file, copy) == len(DATA)
    with opener.open(site.address()) as file:
        lines = io.TextIOWrapper(file, "ascii").readlines()
        assert "".join(lines).encode() == DATA
    assert site.connections == 1
