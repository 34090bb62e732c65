"""What every test gets: a check for leaks, scripted peers, certificates."""

from __future__ import annotations

import contextlib
import os
import signal
import socket
from collections.abc import Generator, Iterator
from pathlib import Path
from typing import Any

import pytest
from authority import Authority
from hypothesis import settings
from leaks import holdings, leftovers
from peers import ScriptedPeer, StartPeer
from torture_servers import Servers

# The same examples on every run: a red test is red for everybody. To look for
# new ones: pytest --hypothesis-profile=explore
settings.register_profile("fildes", derandomize=True, deadline=None, database=None)
settings.register_profile("explore", deadline=None, database=None, max_examples=2000)
settings.load_profile("fildes")

pytest_plugins = [
    "tls_cases",
    "fault_proxy",
    "relays_under_test",
    "turned_relay",
    "known",
    "passages",
]

# A shell starts what goes to the background with SIGINT ignored, and children inherit
# that: Ctrl-C could then not be tested.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)
if signal.getsignal(signal.SIGHUP) is signal.SIG_IGN:  # by nohup(1)
    signal.signal(signal.SIGHUP, signal.SIG_DFL)

FAILED = pytest.StashKey[bool]()


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item,
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Remember a failure: what a failed test leaves behind is not news."""
    report = yield
    item.stash[FAILED] = item.stash.get(FAILED, False) or report.failed
    return report


@pytest.fixture(autouse=True, scope="session")
def no_proxies() -> Iterator[None]:
    """Take the proxies of whoever runs the tests out of the environment."""
    with pytest.MonkeyPatch.context() as patch:
        for name in [name for name in os.environ if name.lower().endswith("_proxy")]:
            patch.delenv(name)
        yield


@pytest.fixture(autouse=True)
def nothing_left_behind(request: pytest.FixtureRequest) -> Iterator[None]:
    """Fail a test that leaves a descriptor, a thread or a child behind."""
    before = holdings()
    yield
    if not request.node.stash.get(FAILED, False):
        left = leftovers(before)
        assert not left, f"left behind:\n{left}"


@pytest.fixture
def peer(nothing_left_behind: None) -> Iterator[StartPeer]:
    """Start scripted peers that end with the test; see `peers`."""
    with contextlib.ExitStack() as peers:

        def start(*scripts: Any, **options: Any) -> ScriptedPeer:
            return peers.enter_context(ScriptedPeer(*scripts, **options))

        yield start


@pytest.fixture
def ends(nothing_left_behind: None) -> Iterator[tuple[socket.socket, socket.socket]]:
    """Return the two ends of a socket pair; the left one is for the file under test."""
    left, right = socket.socketpair()
    with left, right:
        yield left, right


@pytest.fixture(scope="session")
def tls_ca(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    """Return a certificate authority with an identity for localhost; see `authority`."""
    return Authority(tmp_path_factory.mktemp("authority"))


@pytest.fixture
def servers(peer: StartPeer, tls_ca: Authority, tmp_path: Path) -> Servers:
    """Return peers for scenarios of every kind; see `servers`."""
    return Servers(peer, tls_ca, tmp_path)
