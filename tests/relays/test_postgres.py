"""PostgreSQL through a relay: psql gets what it gets without."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator

import pytest
from authority import Authority
from postgres import Database, postgres
from relays_under_test import RelayTo

pytestmark = pytest.mark.slow

#: A question, its answer of a few MB, and the same rows for the other way.
ROWS = 40_000
COPY_OUT = f"COPY (SELECT n, repeat(md5(n::text), 4) FROM generate_series(1, {ROWS}) n) TO STDOUT"


@pytest.fixture(scope="module")
def database(tls_ca: Authority) -> Iterator[Database]:
    with postgres(tls_ca.localhost) as database:
        yield database


class Psql:
    """Runs psql by way of a host and port, or directory and port."""

    def __init__(self, host: str, port: int, **parameters: str) -> None:
        words = {"host": host, "port": port, "user": "me", "dbname": "postgres", **parameters}
        where = " ".join(f"{name}={value}" for name, value in words.items())
        self.argv = ["psql", "-X", "-q", "-A", "-t", "-v", "ON_ERROR_STOP=1", where]

    def __call__(self, *commands: str, rows: bytes = b"") -> bytes:
        argv = [*self.argv, *(word for command in commands for word in ("-c", command))]
        done = subprocess.run(argv, input=rows, capture_output=True, check=False, timeout=50)
        assert not done.returncode, done.stderr.decode()
        return done.stdout


def direct(database: Database) -> Psql:
    return Psql(str(database.directory), database.port)


def over_tcp(database: Database, relay_to: RelayTo, tls_ca: Authority) -> Psql:
    return Psql("127.0.0.1", relay_to(f"tcp://127.0.0.1:{database.port}").port, sslmode="disable")


def under_tls(database: Database, relay_to: RelayTo, tls_ca: Authority) -> Psql:
    """TLS from end to end; the relay sees nothing, and psql checks whom it talks to."""
    port = relay_to(f"tcp://127.0.0.1:{database.port}").port
    trust = {"sslmode": "verify-full", "sslrootcert": str(tls_ca.ca_file)}
    return Psql("localhost", port, hostaddr="127.0.0.1", **trust)


def over_unix(database: Database, relay_to: RelayTo, tls_ca: Authority) -> Psql:
    """A unix socket in front, which psql finds by a port, and one behind."""
    port = database.port + 1  # in a directory of its own, so nobody else's
    place = database.directory / "relayed"
    place.mkdir(exist_ok=True)
    relay_to(f"unix://{database.socket}", f"unix://{place}/.s.PGSQL.{port}")
    return Psql(str(place), port)


@pytest.fixture(params=[over_tcp, under_tls, over_unix])
def relayed(
    request: pytest.FixtureRequest, database: Database, relay_to: RelayTo, tls_ca: Authority
) -> Psql:
    psql: Psql = request.param(database, relay_to, tls_ca)
    return psql


def test_questions(database: Database, relayed: Psql) -> None:
    """Several questions on one connection have the same answers."""
    questions = ["SELECT 6 * 7", "SELECT generate_series(1, 1000)", "SHOW server_version"]
    assert relayed(*questions) == direct(database)(*questions)


def test_copy_out(database: Database, relayed: Psql) -> None:
    """Megabytes of rows come out unchanged."""
    rows = relayed(COPY_OUT)
    assert len(rows) > 5_000_000
    assert rows == direct(database)(COPY_OUT)


def test_copy_in(database: Database, relayed: Psql) -> None:
    """Megabytes of rows go in, and all are there."""
    rows = direct(database)(COPY_OUT)
    put = "CREATE TEMP TABLE t (n int, x text)", "COPY t FROM STDIN", "SELECT count(x) FROM t"
    assert relayed(*put, rows=rows) == b"%d\n" % ROWS


def test_an_error_is_told(relayed: Psql) -> None:
    """What the server refuses is psql's error, not the relay's."""
    with pytest.raises(AssertionError, match="division by zero"):
        relayed("SELECT 1 / 0")


def test_listen_and_notify(relayed: Psql) -> None:
    """A message that nobody asked for reaches those who listen."""
    assert b'notification "news" with payload "hello"' in relayed(
        "LISTEN news", "NOTIFY news, 'hello'"
    )
