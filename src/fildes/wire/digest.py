"""HTTP Digest authentication: challenges read, their answers written; RFC 7616.

Taken are SHA-256 and MD5, with ``-sess`` or without, under qop=auth. A server that
offers several is answered by the strongest.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import TYPE_CHECKING, Final, NamedTuple

from fildes.patterns import pattern

if TYPE_CHECKING:
    from collections.abc import Iterator

_TOKEN = r"[!#$%&'*+\-.^_`|~0-9A-Za-z]+"  # RFC 9110 section 5.6.2
_QUOTED = r'"((?:[^"\\]|\\.)*)"'
#: What stands between two commas that are in no quoted text.
_ITEM = pattern(r'(?:[^,"]|"(?:[^"\\]|\\.)*")+')
#: A parameter, and before it the scheme of a challenge if it is its first.
_PARAMETER = pattern(rf"\s*(?:({_TOKEN})\s+)?({_TOKEN})\s*=\s*(?:({_TOKEN})|{_QUOTED})\s*")
_SCHEME = pattern(rf"\s*({_TOKEN})(?:\s+[A-Za-z0-9._~+/-]+=*)?\s*")

#: Algorithms by their names in hashlib, the strongest first; RFC 7616 section 3.2.
ALGORITHMS: Final = {"SHA-256": "sha256", "MD5": "md5"}


class Challenge(NamedTuple):
    """What a server wants to be answered.

    Attributes:
      session: the algorithm is a ``-sess`` one.
      userhash: the user's name is to be sent hashed.
    """

    realm: str
    nonce: str
    algorithm: str = "MD5"
    session: bool = False
    opaque: str | None = None
    userhash: bool = False


class Proof(NamedTuple):
    """What one request proves.

    Attributes:
      uri: the target of the request.
      uses: how many requests have used the nonce, with this one.
      cnonce: random text of ours.
    """

    user: str
    password: str
    method: str
    uri: str
    uses: int
    cnonce: str


def challenge_in(values: Iterable[str]) -> Challenge | None:
    """Return the strongest challenge in the WWW-Authenticate fields *values* that we can answer."""
    found = [to_challenge(each) for scheme, each in challenges(values) if scheme == "digest"]
    usable = [challenge for challenge in found if challenge is not None]
    order = list(ALGORITHMS)
    return min(usable, key=lambda each: order.index(each.algorithm), default=None)


def challenges(values: Iterable[str]) -> Iterator[tuple[str, dict[str, str]]]:
    """Yield scheme and parameters of each challenge; RFC 9110 section 11.6.1."""
    scheme, parameters = "", dict[str, str]()
    for item in (item for value in values for item in _ITEM.findall(value)):
        parameter = _PARAMETER.fullmatch(item)
        begun = parameter[1] if parameter else _begun(item)
        if begun:
            yield scheme, parameters
            scheme, parameters = begun.lower(), {}
        if parameter:
            value = parameter[3] or re.sub(r"\\(.)", r"\1", parameter[4] or "")
            parameters[parameter[2].lower()] = value
    yield scheme, parameters


def _begun(item: str) -> str:
    """Return the scheme that *item* begins without a parameter; empty if it is nonsense."""
    match = _SCHEME.fullmatch(item)
    return match[1] if match else ""


def to_challenge(parameters: dict[str, str]) -> Challenge | None:
    """Return the challenge that *parameters* make, or None if we cannot answer it."""
    name = parameters.get("algorithm", "MD5").upper()
    algorithm = name.removesuffix("-SESS")
    qops = [qop.strip().lower() for qop in parameters.get("qop", "").split(",")]
    if algorithm not in ALGORITHMS or "auth" not in qops or "nonce" not in parameters:
        return None
    return Challenge(
        parameters.get("realm", ""),
        parameters["nonce"],
        algorithm,
        name != algorithm,
        parameters.get("opaque"),
        parameters.get("userhash", "").lower() == "true",
    )


def answer(challenge: Challenge, proof: Proof) -> str:
    """Return the value of the Authorization field; RFC 7616 section 3.4."""
    count = f"{proof.uses:08x}"
    shown = f"{challenge.nonce}:{count}:{proof.cnonce}:auth"
    secret = secret_of(challenge, proof)
    request = digest(challenge, f"{proof.method}:{proof.uri}")
    texts = {
        "realm": challenge.realm,
        "uri": proof.uri,
        "nonce": challenge.nonce,
        "cnonce": proof.cnonce,
        "response": digest(challenge, f"{secret}:{shown}:{request}"),
    }
    if challenge.opaque is not None:
        texts["opaque"] = challenge.opaque
    quoted = ", ".join(f"{name}={quote(text)}" for name, text in texts.items())
    algorithm = challenge.algorithm + ("-sess" if challenge.session else "")
    return (
        f"Digest {name_of(challenge, proof.user)}, {quoted}, "
        f"algorithm={algorithm}, qop=auth, nc={count}"
    )


def secret_of(challenge: Challenge, proof: Proof) -> str:
    """Return what user and password come to; H(A1) of RFC 7616 section 3.4.2."""
    secret = digest(challenge, f"{proof.user}:{challenge.realm}:{proof.password}")
    if challenge.session:
        return digest(challenge, f"{secret}:{challenge.nonce}:{proof.cnonce}")
    return secret


def name_of(challenge: Challenge, user: str) -> str:
    """Return the parameter that names the user; RFC 7616 section 3.4."""
    if challenge.userhash:
        return f"username={quote(digest(challenge, f'{user}:{challenge.realm}'))}, userhash=true"
    if user.isascii():
        return f"username={quote(user)}"
    escaped = "".join(f"%{byte:02X}" for byte in user.encode())
    return f"username*=UTF-8''{escaped}"


def digest(challenge: Challenge, text: str) -> str:
    """Return the hash of *text* by the challenge's algorithm, in hexadecimal."""
    import hashlib  # 3 ms, which others do not pay

    hashed = hashlib.new(ALGORITHMS[challenge.algorithm], text.encode(), usedforsecurity=False)
    return hashed.hexdigest()


def quote(text: str) -> str:
    """Return *text* as a quoted string; RFC 9110 section 5.6.4."""
    return '"' + re.sub(r'(["\\])', r"\\\1", text) + '"'
