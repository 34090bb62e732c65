"""Every kind of stream passes the conformance kit under every driver."""

from __future__ import annotations

import functools
from typing import Any

import pytest
from authority import Authority
from loops import DRIVERS, LOOPS, RunLoop, RunProtocol
from pair_ends import MakePair
from pairs import FILE_PAIRS, MESSAGE_PAIRS, STREAM_PAIRS

from fildes.testing import (
    FILE_CHECKS,
    MESSAGE_CHECKS,
    STREAM_CHECKS,
    check_async_file,
    check_file,
    check_stream,
)

#: Megabytes each way under three drivers, or a timeout of the protocol.
SLOW = {"large_transfers"}


def each(checks: tuple[Any, ...]) -> pytest.MarkDecorator:
    """Parametrize by *checks*, under their names."""
    return pytest.mark.parametrize(
        "check",
        [
            pytest.param(check, marks=[pytest.mark.slow] if check.__name__ in SLOW else [])
            for check in checks
        ],
        ids=lambda check: check.__name__,
    )


@each(STREAM_CHECKS)
@pytest.mark.parametrize(("make_pair", "without"), STREAM_PAIRS)
@pytest.mark.parametrize("run", DRIVERS)
def test_stream(
    run: RunProtocol, make_pair: MakePair, without: set[str], check: Any, tls_ca: Authority
) -> None:
    """A conversation keeps the contract of `Stream`."""
    pair = functools.partial(make_pair, tls_ca)
    check_stream(pair, run=run, checks=[check], without=without)


@each(MESSAGE_CHECKS)
@pytest.mark.parametrize(("make_pair", "without"), MESSAGE_PAIRS)
@pytest.mark.parametrize("run", DRIVERS)
def test_messages(
    run: RunProtocol, make_pair: MakePair, without: set[str], check: Any, tls_ca: Authority
) -> None:
    """Datagrams keep the contract of `Stream`, and their boundaries."""
    pair = functools.partial(make_pair, tls_ca)
    check_stream(pair, run=run, checks=[check], without=without)


@each(FILE_CHECKS)
@pytest.mark.parametrize(("make_pair", "without"), FILE_PAIRS)
def test_file(make_pair: MakePair, without: set[str], check: Any, tls_ca: Authority) -> None:
    """A blocking file over any stream is a file."""
    check_file(functools.partial(make_pair, tls_ca), checks=[check], without=without)


@each(FILE_CHECKS)
@pytest.mark.parametrize(("make_pair", "without"), FILE_PAIRS)
@pytest.mark.parametrize("loop", LOOPS)
def test_async_file(
    loop: RunLoop, make_pair: MakePair, without: set[str], check: Any, tls_ca: Authority
) -> None:
    """An asynchronous file over any stream is a file."""
    pair = functools.partial(make_pair, tls_ca)
    loop(check_async_file(pair, checks=[check], without=without))
