"""From a host name to the addresses that may be connected to."""

from __future__ import annotations

import itertools
import socket
from typing import TYPE_CHECKING, Any, NamedTuple

from fildes.waiting import call_blocking

if TYPE_CHECKING:
    from collections.abc import Iterable

    from fildes.opening.opening import Opening, Target


class Candidate(NamedTuple):
    """One place to connect to: a family, a socket type and a sockaddr."""

    family: int
    type: int
    sockaddr: Any

    def __str__(self) -> str:
        host, port = self.sockaddr[:2]
        return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


async def resolve(
    opening: Opening, target: Target, family: int = 0, type: int = socket.SOCK_STREAM
) -> list[Candidate]:
    """Return the addresses of the target's name, asking the resolver once."""
    literal = numeric(target, type)
    if literal is not None and family in (0, literal.family):
        return [literal]
    with opening.step("resolve", target.host):
        found = await call_blocking(
            lambda: socket.getaddrinfo(target.host, target.port, family, type)
        )
    unique = dict.fromkeys(Candidate(f, type, sockaddr) for f, _, _, _, sockaddr in found)
    return interleaved(unique)


def numeric(target: Target, type: int) -> Candidate | None:
    """Return the candidate that a literal address is; None for a name."""
    host, port = target
    if ":" not in host:
        try:
            socket.inet_pton(socket.AF_INET, host)
        except OSError:
            return None
        return Candidate(socket.AF_INET, type, (host, port))
    address, _, zone = host.partition("%")
    if not zone:
        return Candidate(socket.AF_INET6, type, (address, port, 0, 0))
    scope = int(zone) if zone.isdigit() else socket.if_nametoindex(zone)
    return Candidate(socket.AF_INET6, type, (address, port, 0, scope))


def interleaved(candidates: Iterable[Candidate]) -> list[Candidate]:
    """Return *candidates* with the families taking turns; RFC 8305 section 4."""
    by_family: dict[int, list[Candidate]] = {}
    for candidate in candidates:
        by_family.setdefault(candidate.family, []).append(candidate)
    rows = itertools.zip_longest(*by_family.values())
    return [candidate for row in rows for candidate in row if candidate is not None]


def permitted(opening: Opening, candidates: list[Candidate]) -> list[Candidate]:
    """Return the candidates that the policy lets us reach.

    Raises:
      PermissionError: it forbids all of them.
    """
    policy = opening.policy
    allowed = [each for each in candidates if policy.allows_ip(each.sockaddr[0])]
    if not allowed:
        policy.check_ip(candidates[0].sockaddr[0])
    return allowed
