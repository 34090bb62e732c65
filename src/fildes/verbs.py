"""The blocking verbs: open, listen and explain."""

from __future__ import annotations

import math
import os
import time
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from fildes.address import Address, parse
from fildes.drivers import blocking
from fildes.files.description import Description
from fildes.files.modes import Mode, check_text, make_file, parse_mode, pending_size
from fildes.opened_by import Explanation, OpenedBy
from fildes.opening import registry
from fildes.opening.arguments import check_options, check_times
from fildes.opening.opening import Opening
from fildes.opening.spelling import to_address
from fildes.policy.policy import Policy

if TYPE_CHECKING:
    from fildes.files.modes import NetFile
    from fildes.listener import Listener
    from fildes.streams.stream import Stream

OPEN_TIMEOUT = 30.0  #: seconds that all steps of an open may take together
STALL_TIMEOUT = 60.0  #: seconds without a byte after which a document counts as stalled

Options = Mapping[str, Any]


def prepare(
    address: str | os.PathLike[str] | Address,
    mode: str | None,
    policy: Policy | None,
    options: Mapping[str, Options],
    compression: str | None = None,
) -> tuple[Opening, Mode]:
    """Check all that can be checked before anything is opened."""
    parsed = to_address(address)
    if compression is not None:
        from fildes.compression import inferring

        inferring.check_compression(compression)
        parsed = inferring.infer(parsed)
    scheme = registry.find_scheme(parsed.scheme)
    wanted = parse_mode(mode or "", scheme.mode)
    scheme.check_mode(wanted.binary)
    typed = check_options(options)
    opening = Opening(parsed, wanted.binary, policy or Policy.trusted(), typed)
    opening.sequential = wanted.text  # positions of characters are not asked for
    return opening, wanted


def idle_limit(opening: Opening, idle_timeout: float | None) -> float | None:
    """Return the idle limit: as given, else none for a conversation, 60 s for a document."""
    if idle_timeout is not None:
        return idle_timeout or None
    natural = registry.find_scheme(opening.address.scheme).mode
    return None if natural == "r+b" or opening.address.scheme == "file" else STALL_TIMEOUT


def open(
    address: str | os.PathLike[str] | Address,
    mode: str | None = None,
    buffering: int = -1,
    encoding: str | None = None,
    errors: str | None = None,
    newline: str | None = None,
    *,
    timeout: float | None = OPEN_TIMEOUT,
    idle_timeout: float | None = None,
    policy: Policy | None = None,
    compression: str | None = None,
    **options: Options,
) -> Any:
    """Open *address* and return it as a file.

    Args:
      address: the text of an address, an `Address`, or a path object.
      mode: as of the built-in open. None means what the address naturally is:
        ``r+b`` for a conversation, ``rb`` for a document.
      buffering, encoding, errors, newline: as of the built-in open. `numpy.load` looks for
        the position of the descriptor of a buffered file, which a socket has not: give it
        one with ``buffering=0``.
      timeout: seconds for all steps of the open together; None for no limit.
      idle_timeout: seconds that a later read or write may wait for a byte; 0 for
        ever. If left out, for ever for a conversation and 60 for a document. A document
        whose rest can be had is asked for it then, twice in a row at most.
      policy: what may be reached; everything if left out.
      compression: ``"infer"`` decompresses, or compresses, what is named .gz, .bz2,
        .xz, .zst or .br; None takes it as it is.
      options: option values by scheme, ``tls={"ca": "ca.pem"}``; a hyphen in a
        scheme's name is an underscore here.

    Returns:
      A `BufferedFile`; with ``buffering=0`` or for datagrams a `RawFile`; in a text
      mode a `TextFile` or `TextConversation`.

    Raises:
      AddressError: *address* is none; nothing was opened.
      OSError: a step failed. Type and errno are the kernel's, the resolver's or
        OpenSSL's; `failure_of` tells the step, the address and what to do.
      TimeoutError: *timeout* seconds passed.
      PermissionError: *policy* forbids it.

    Example:
      >>> with fildes.open("tcp://localhost:7") as f:
      ...     f.write(b"hello\\n")
    """
    text = {"encoding": encoding, "errors": errors, "newline": newline}
    check_times(timeout, idle_timeout)
    opening, wanted = prepare(address, mode, policy, options, compression)
    check_text(wanted, buffering, text)
    return open_now(opening, wanted, buffering, timeout, idle_timeout, **text)


def open_now(
    opening: Opening,
    wanted: Mode,
    buffering: int,
    timeout: float | None,
    idle_timeout: float | None,
    **text: str | None,
) -> NetFile:
    """Open what was prepared and checked."""
    stream = blocking.run(opening.run(), deadline_of(opening, timeout))
    try:
        file = to_file(stream, opening, wanted, buffering, idle_timeout, **text)
    except BaseException:
        stream.abort()
        raise
    file.description.opened_by = OpenedBy(opening, wanted, buffering, timeout, idle_timeout, text)
    return file


def deadline_of(opening: Opening, timeout: float | None) -> float | None:
    """Return the moment *timeout* seconds after *opening* began; None for none."""
    return None if timeout in (None, math.inf) else opening.trace.began + timeout


def deadline_in(timeout: float | None) -> float | None:
    """Return the moment *timeout* seconds from now; None for none."""
    return None if timeout in (None, math.inf) else time.monotonic() + timeout


def to_file(
    stream: Stream,
    opening: Opening,
    wanted: Mode,
    buffering: int,
    idle_timeout: float | None,
    **text: str | None,
) -> NetFile:
    """Return *stream* as the file that the arguments of `open` ask for."""
    description = Description(
        stream,
        opening.address,
        opening.trace,
        idle_timeout=idle_limit(opening, idle_timeout),
        pending_size=pending_size(buffering, wanted),
    )
    return make_file(description, wanted, buffering, **text)


def listen(
    address: str | os.PathLike[str] | Address,
    mode: str | None = None,
    buffering: int = -1,
    encoding: str | None = None,
    errors: str | None = None,
    newline: str | None = None,
    *,
    timeout: float | None = OPEN_TIMEOUT,
    idle_timeout: float | None = None,
    policy: Policy | None = None,
    max_connections: int | None = None,
    max_per_peer: int | None = None,
    allow: Sequence[str] | None = None,
    handshake_timeout: float | None = None,
    **options: Options,
) -> Listener[Any]:
    """Listen at *address* and return the listener, which yields files.

    Args:
      address: as of `open`, but what it names is ours: port 0 is one of the
        kernel's choice, and without a host only this machine can connect. The
        socket of a unix address is for its owner only; one that a dead process has
        left is replaced, anything else is not. ``tcp-listen:`` is tcp here.
      timeout: seconds until it listens; `Listener.accept` has its own.
      mode, buffering, encoding, errors, newline, idle_timeout, policy: of each
        accepted connection, as of `open`.
      max_connections: at once; more clients wait, at no cost here.
      max_per_peer: at once from one IPv4 address or IPv6 /64; more are refused.
      allow: networks, as ``["10.0.0.0/8"]``; clients from elsewhere are refused.
      handshake_timeout: seconds until a client has to be ready, 10 if left out.
      options: by scheme, ``tls={"cert": "chain.pem", "key": "key.pem"}``.

    Raises:
      AddressError: *address* is none.
      OSError: as bind(2): EADDRINUSE, EACCES, EADDRNOTAVAIL.

    Example:
      >>> with fildes.listen("tcp://:0") as listener:
      ...     for f in listener:
      ...         with f:
      ...             f.write(f.readline())
    """
    text = {"encoding": encoding, "errors": errors, "newline": newline}
    check_times(timeout, idle_timeout)
    limits = {
        "max-connections": max_connections,
        "max-per-peer": max_per_peer,
        "allow": allow,
        "handshake-timeout": handshake_timeout,
    }
    opening, wanted = prepare_to_listen(address, mode, policy, options, limits)
    check_text(wanted, buffering, text)
    acceptor = blocking.run(opening.listen(), deadline_in(timeout))

    def accepted(stream: Stream) -> NetFile:
        each = Opening(acceptor.address, wanted.binary, opening.policy, opening.options)
        stream.restrict(wanted.binary)
        idle = acceptor.idle_timeout if idle_timeout is None else idle_timeout
        return to_file(stream, each, wanted, buffering, idle, **text)

    from fildes.listener import Listener

    return Listener(acceptor, accepted)


def prepare_to_listen(
    address: str | os.PathLike[str] | Address,
    mode: str | None,
    policy: Policy | None,
    options: Mapping[str, Options],
    limits: Options,
) -> tuple[Opening, Mode]:
    """Check all that can be checked before anything is listened at; as `prepare`.

    Args:
      address: in it a port may be 0, of the kernel's choice.
      limits: options by name, of whatever scheme the address has.
    """
    from fildes.listening.naming import add_limits, listening_form, listening_text

    if isinstance(address, str):
        address = parse(listening_text(address), registry.find_scheme, allow_port_zero=True)
    elif isinstance(address, os.PathLike):
        address = to_address(address)
    place, given = listening_form(address, options)
    add_limits(given, place, limits)
    return prepare(place, mode, policy, given)


def explain(
    address: str | os.PathLike[str] | Address,
    *,
    timeout: float | None = OPEN_TIMEOUT,
    policy: Policy | None = None,
    **options: Options,
) -> Explanation:
    """Open *address*, close it again, and return the steps that this took.

    Raises:
      AddressError: *address* is none. Other failures are part of the explanation.
    """
    from fildes.streams.parting import LAST_WORDS, dismiss  # which open does not need

    check_times(timeout)
    opening, _ = prepare(address, None, policy, options)
    opening.sequential = True  # nothing will be read
    error: Exception | None = None
    try:
        stream = blocking.run(opening.run(), deadline_in(timeout))
        blocking.run(dismiss(stream), deadline_in(LAST_WORDS))
    except (OSError, EOFError) as failure:
        error = failure
    return Explanation(opening.address.display(), opening.trace, error)
