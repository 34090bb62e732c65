"""What is secret shows nowhere, whatever goes wrong."""

from __future__ import annotations

import traceback
from collections.abc import Iterator

import pytest
from http_script import LENGTH_20, answering, document, redirect
from peers import Conversation, Script, StartPeer

import fildes
from fildes.errors import failure_of

CANARY = "canary"

FATES: dict[str, Script] = {
    "document": answering(document()),
    "short": answering(LENGTH_20 + b"one"),
    "reset": answering(LENGTH_20 + b"one", Conversation.rst),
    "not found": answering(b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n"),
    "garbage": answering(b"garbage\r\n\r\n"),
    "nothing": answering(b""),
    "moved to a file": answering(redirect(f"file:///etc/{CANARY}".encode())),
    "moved nowhere": answering(redirect(f"http://{CANARY}:{CANARY}@h/".encode())),
    "moved to a bad place": answering(redirect(f"http://{CANARY}%zz@h/".encode())),
    "moved in a circle": answering(redirect(f"?token={CANARY}".encode())),
}


def told_of(error: BaseException) -> Iterator[str]:
    """Yield all that *error* tells anybody."""
    yield repr(error)
    yield from traceback.format_exception(error)
    yield repr(failure_of(error))
    yield repr(vars(error))


def told_by(file: fildes.BufferedFile) -> Iterator[str]:
    """Yield all that *file* tells about itself, read to its end."""
    yield from (repr(file), str(file), file.name, file.address, repr(file.trace))
    yield repr(file.response)
    yield f"{file.peer} {file.local}"
    try:
        file.read()
    except OSError as error:
        yield from told_of(error)


@pytest.mark.parametrize("script", FATES.values(), ids=FATES)
def test_secrets_show_nowhere(peer: StartPeer, script: Script) -> None:
    """User, password, headers and tokens are in no text that opening or reading leads to."""
    server = peer(script)
    address = server.address("http", f"/x?token={CANARY}").replace("//", f"//u:{CANARY}@", 1)
    headers = {"Cookie": CANARY, "X-Api-Key": CANARY}
    try:
        with fildes.open(address, http={"headers": headers}) as file:
            told = list(told_by(file))
    except OSError as error:
        told = list(told_of(error))
    assert CANARY in server.received.decode()
    assert [text for text in told if CANARY in text] == []


def test_explanation_hides_secrets(peer: StartPeer) -> None:
    """An explanation shows every step and no secret."""
    server = peer(answering(redirect(f"/y?key={CANARY}".encode())), answering(document()))
    address = server.address("http", f"/x?token={CANARY}").replace("//", f"//u:{CANARY}@", 1)
    assert CANARY not in repr(fildes.explain(address))
