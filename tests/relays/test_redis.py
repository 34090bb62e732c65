"""Redis through a relay: pipelines and many clients get what they get without."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from programs import need
from redis_server import redis
from relays_under_test import RelayTo

pytestmark = pytest.mark.slow

COUNT = 20_000
VALUE = bytes(range(256)) * 4


class Store:
    """A Redis that runs, by way of its own port and of a relay's."""

    def __init__(self, directory: Path, port: int) -> None:
        self.directory, self.port = directory, port

    def cli(self, port: int, *words: str, data: bytes = b"") -> bytes:
        argv = [need("redis-cli"), "-h", "127.0.0.1", "-p", str(port), *words]
        done = subprocess.run(argv, input=data, capture_output=True, check=False, timeout=50)
        assert not done.returncode, done.stdout + done.stderr
        return done.stdout


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Store]:
    directory = tmp_path_factory.mktemp("redis")
    with redis(directory) as port:
        yield Store(directory, port)


@pytest.fixture(params=["tcp", "unix"])
def port(request: pytest.FixtureRequest, store: Store, relay_to: RelayTo) -> int:
    """Return the port of a relay to Redis."""
    store.cli(store.port, "flushall")
    where = f"tcp://127.0.0.1:{store.port}"
    return relay_to(where if request.param == "tcp" else f"unix://{store.directory}/redis").port


def command(*words: bytes) -> bytes:
    """Return a command as Redis reads it; RESP is binary safe."""
    parts = [b"*%d\r\n" % len(words), *(b"$%d\r\n%s\r\n" % (len(word), word) for word in words)]
    return b"".join(parts)


def test_pipeline(store: Store, port: int) -> None:
    """Many commands that nobody waits for are all answered, and all have happened."""
    commands = [command(b"SET", b"key:%d" % n, b"%d" % n + VALUE) for n in range(COUNT)]
    told = store.cli(port, "--pipe", data=b"".join(commands))
    assert f"errors: 0, replies: {COUNT}".encode() in told
    assert store.cli(port, "dbsize") == b"%d\n" % COUNT
    assert (
        store.cli(port, "--raw", "get", f"key:{COUNT - 1}") == b"%d" % (COUNT - 1) + VALUE + b"\n"
    )


def test_large_answer(store: Store, port: int) -> None:
    """One answer of many megabytes is the same as without the relay."""
    store.cli(store.port, "-x", "set", "large", data=VALUE * 10_000)
    answer = store.cli(port, "--raw", "get", "large")
    assert answer == store.cli(store.port, "--raw", "get", "large") == VALUE * 10_000 + b"\n"


@pytest.mark.parametrize("pipeline", [1, 16])
def test_benchmark(pipeline: int, store: Store, port: int) -> None:
    """Fifty clients at once, with and without pipelines, have no error."""
    words = ["-h", "127.0.0.1", "-p", str(port), "-c", "50", "-P", str(pipeline), "-n", "4000"]
    words += ["-t", "set,get,lpush,lrange_100", "--csv"]
    argv = [need("redis-benchmark"), *words]
    done = subprocess.run(argv, capture_output=True, check=False, timeout=50)
    assert (done.returncode, done.stderr) == (0, b"")
    names = [line.split(",")[0].strip('"') for line in done.stdout.decode().splitlines()[1:]]
    assert [name.split()[0] for name in names] == ["SET", "GET", "LPUSH", "LPUSH", "LRANGE_100"]
    assert int(store.cli(store.port, "llen", "mylist")) == 8000  # those of lpush and of lrange
