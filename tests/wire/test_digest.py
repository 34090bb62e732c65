"""Digest challenges and their answers."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fildes.wire.digest import Challenge, Proof, answer, challenge_in, challenges

NONCE = "7ypf/xlj9XXwfDPEoM4URrv/xwf94BcCAzFZH4GiTo0v"
OPAQUE = "FQhe/qaU925kfnzjCev0ciny7QMkPqMAFRtzCUYo5tdS"
REALM = "http-auth@example.org"
#: RFC 7616 section 3.9.1, both fields.
FIELDS = [
    f'Digest realm="{REALM}", qop="auth, auth-int", algorithm={algorithm}, '
    f'nonce="{NONCE}", opaque="{OPAQUE}"'
    for algorithm in ("MD5", "SHA-256")
]
PROOF = Proof(
    "Mufasa",
    "Circle of Life",
    "GET",
    "/dir/index.html",
    1,
    "f2/wE4q74E6zIJEtWaHKaf5wv/H5QzzpXusqGemxURZJ",
)
RESPONSES = {
    "MD5": "8ca523f5e9506fed4657c9700eebdbec",
    "SHA-256": "753927fa0e85d155564e2e272a28d1802ca10daf4496794697cf8db5856cb6c1",
}


@pytest.mark.parametrize("algorithm", RESPONSES)
def test_example_of_the_rfc(algorithm: str) -> None:
    """The answer is the one of RFC 7616 section 3.9.1, in each algorithm."""
    challenge = Challenge(REALM, NONCE, algorithm, opaque=OPAQUE)
    assert answer(challenge, PROOF) == (
        f'Digest username="Mufasa", realm="{REALM}", uri="/dir/index.html", nonce="{NONCE}", '
        f'cnonce="{PROOF.cnonce}", response="{RESPONSES[algorithm]}", opaque="{OPAQUE}", '
        f"algorithm={algorithm}, qop=auth, nc=00000001"
    )


def test_strongest_is_taken() -> None:
    """Of several challenges the one with the strongest algorithm is answered."""
    expected = Challenge(REALM, NONCE, "SHA-256", opaque=OPAQUE)
    assert challenge_in(FIELDS) == expected
    assert challenge_in([", ".join(FIELDS)]) == expected
    assert challenge_in(['Basic realm="a, b"', *FIELDS]) == expected
    assert challenge_in([f"Negotiate, NTLM TlRM==, {FIELDS[1]}, Bearer"]) == expected
    assert challenge_in(FIELDS[:1]) == Challenge(REALM, NONCE, "MD5", opaque=OPAQUE)


@pytest.mark.parametrize(
    "field",
    [
        "",
        "Basic realm=x",
        "Digest",
        'Digest realm="x", qop="auth"',
        'Digest realm="x", nonce="n"',
        'Digest realm="x", nonce="n", qop="auth-int"',
        'Digest realm="x", nonce="n", qop="auth", algorithm=SHA-512-256',
        'Digest realm="x", nonce="n, qop="auth',
        'Basic realm="Digest nonce=n, qop=auth"',
    ],
)
def test_challenges_that_cannot_be_answered(field: str) -> None:
    """What is no challenge, or none that we can answer, is none."""
    assert challenge_in([field]) is None


def test_details() -> None:
    """Escapes, sessions, hashed and unusual names are done as the RFC says."""
    field = r'digest REALM="a \"b\"", nonce=n, QOP=auth, algorithm=md5-sess, userhash=TRUE'
    challenge = challenge_in([field])
    assert challenge == Challenge('a "b"', "n", "MD5", session=True, userhash=True)
    text = answer(challenge, PROOF)
    assert r'realm="a \"b\""' in text
    assert "algorithm=MD5-sess" in text
    assert "Mufasa" not in text
    assert "userhash=true" in text
    plain = answer(challenge._replace(userhash=False), PROOF._replace(user="Jäs"))
    assert "username*=UTF-8''%4A%C3%A4%73" in plain


@given(st.lists(st.text('Digest ,="\\aqopnce;', max_size=40)))
def test_nonsense(values: list[str]) -> None:
    """Whatever a server writes, reading it ends and is no error."""
    list(challenges(values))
    challenge_in(values)
