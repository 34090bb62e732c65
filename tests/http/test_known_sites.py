"""Documents of a site that is known are, in everything, those that are opened the long way."""

from __future__ import annotations

import contextlib
import os
import pickle
import threading
from collections.abc import Iterator
from http.cookiejar import CookieJar

import pytest
from counting import Asked, CountingServer, ranged
from known import DATA, known, of_its_own, public, read

import fildes
from fildes.files.here import HereFile
from fildes.http.again import MAX_SHAPES
from fildes.opener import MAX_SITES


@pytest.fixture
def site() -> Iterator[CountingServer]:
    with CountingServer(DATA) as server:
        yield server


@pytest.fixture
def opener() -> Iterator[fildes.Opener]:
    with fildes.Opener() as opener:
        yield opener


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


@pytest.mark.parametrize("target", TARGETS)
def test_everything_is_the_same(site: CountingServer, opener: fildes.Opener, target: str) -> None:
    """What a file says of itself is what it says where nothing was known."""
    known(opener, site)
    site.reply = of_its_own
    address = site.address(target)
    with opener.open(address) as file:
        opener.sites.clear()
        with opener.open(address) as long:
            assert isinstance(file, HereFile)
            assert (file.made is None) == TARGETS[target]
            assert public(file) == public(long)
            assert file.read() == long.read() == target.partition("#")[0].encode()
    assert public_closed(file) == public_closed(long)
    assert site.asked[-1].head == site.asked[-2].head
    assert site.connections == 1


def public_closed(file: fildes.BufferedFile) -> tuple[object, ...]:
    """Return what a closed file still says."""
    for use in (file.read, file.tell, file.seekable, file.fileno, file.__enter__):
        with pytest.raises(ValueError, match="closed"):
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


def test_many_documents(site: CountingServer, opener: fildes.Opener) -> None:
    """However many documents and answers there are, little is kept."""
    known(opener, site)
    site.reply = of_its_own
    for number in range(300):
        assert read(opener, site.address(f"/{number}")) == f"/{number}".encode()
    (only,) = opener.sites.values()
    assert (len(only.shapes), site.connections) == (1, 1)


def test_many_shapes(site: CountingServer, opener: fildes.Opener) -> None:
    """A server that answers otherwise each time is understood each time."""

    def another(server: CountingServer, asked: Asked) -> tuple[bytes, bool]:
        sent, closing = ranged(server, asked)
        return sent.replace(b"ETag", f"ETag-{server.count}".encode()), closing

    site.reply = another
    for _ in range(MAX_SHAPES + 4):
        assert read(opener, site.address()) == DATA
    (only,) = opener.sites.values()
    assert len(only.shapes) == MAX_SHAPES


def test_many_sites(opener: fildes.Opener) -> None:
    """However many sites there are, few are kept."""
    with contextlib.ExitStack() as servers:
        first = servers.enter_context(CountingServer(DATA))
        known(opener, first)
        (place,) = opener.sites
        opener.sites.update(
            {f"http://{number}": opener.sites[place] for number in range(MAX_SITES)}
        )
        del opener.sites[place]
        known(opener, first)
        assert [*opener.sites] == [place]


def test_document_behind_its_head(site: CountingServer, opener: fildes.Opener) -> None:
    """A document that comes right behind its head costs no other way."""
    address = known(opener, site)

    def apart(server: CountingServer, asked: Asked) -> tuple[bytes, bool]:
        sent, closing = ranged(server, asked)
        server.socks[-1].sendall(sent[:-1000])
        return sent[-1000:], closing

    site.reply = apart
    assert [read(opener, address) for _ in range(9)] == [DATA] * 9
    assert site.connections == 1


def test_cut_behind_its_head(site: CountingServer, opener: fildes.Opener) -> None:
    """A document that is cut is asked for again, and one that stays cut is an error."""
    address = known(opener, site)
    asked = site.count

    def cut(server: CountingServer, each: Asked) -> tuple[bytes, bool]:
        sent, _ = ranged(server, each)
        return sent[:-9], True

    site.reply = lambda server, each: (cut if server.count == asked + 1 else ranged)(server, each)
    assert read(opener, address) == DATA
    with fildes.Opener(http={"resume": False}) as strict:
        site.reply = ranged
        address = known(strict, site)
        site.reply = cut
        with pytest.raises(fildes.IncompleteError):
            read(strict, address)


def test_jar(site: CountingServer) -> None:
    """Cookies that an answer sets go with the next request, to whatever document."""
    with fildes.Opener(http={"cookies": CookieJar()}) as opener:
        read(opener, site.address("/a"))
        site.reply = lambda server, asked: (
            ranged(server, asked)[0].replace(b"ETag", b"Set-Cookie: a=b; Path=/\r\nETag"),
            False,
        )
        read(opener, site.address("/b"))
        read(opener, site.address("/c"))
    assert [b"\r\nCookie: a=b" in asked.head for asked in site.asked] == [False, False, True]


def test_user_of_the_address(site: CountingServer, opener: fildes.Opener) -> None:
    """Who is somebody at a site is nobody where no user is named."""
    known(opener, site)
    named = site.address("/a").replace("://", "://user@")
    assert read(opener, named) == read(opener, site.address("/a")) == DATA
    heads = [asked.head for asked in site.asked[-2:]]
    assert [b"Authorization" in head for head in heads] == [True, False]


def test_threads(site: CountingServer, opener: fildes.Opener) -> None:
    """Threads that share an Opener get each its own document."""
    known(opener, site)
    site.reply = of_its_own
    got: dict[str, bytes] = {}

    def work(name: str) -> None:
        for number in range(20):
            target = f"/{name}{number}"
            got[target] = read(opener, site.address(target))

    threads = [threading.Thread(target=work, args=(name,)) for name in "abcd"]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert got == {target: target.encode() for target in got}
    assert len(got) == 80


def test_after_fork(site: CountingServer, opener: fildes.Opener) -> None:
    """A child process asks over a connection of its own."""
    address = known(opener, site)
    child = os.fork()
    if not child:
        with contextlib.suppress(BaseException):
            os._exit(0 if read(opener, address) == DATA else 1)
        os._exit(2)
    assert os.waitpid(child, 0)[1] == 0
    assert read(opener, address) == DATA
    assert [asked.connection for asked in site.asked] == [0, 0, 1, 0]
