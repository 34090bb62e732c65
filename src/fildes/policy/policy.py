"""What an address may reach, whoever wrote it."""

from __future__ import annotations

from collections.abc import Sequence

from fildes.address import Address
from fildes.errors import AddressError, PolicyError
from fildes.scheme import Scheme


class Policy:
    """The schemes and networks that an open may use.

    `check_scheme` is asked for each layer before anything is opened;
    `check_ip` for each IP address just before it is connected to, so that
    neither a name server nor a redirect has the last word.

    >>> own = Policy("ours", any_scheme=True, allow_networks=["10.1.0.0/16"])
    >>> own.allows_ip("10.1.2.3"), own.allows_ip("10.2.0.1"), own.allows_ip("1.1.1.1")
    (True, False, True)

    Attributes:
      name: for messages.
      any_scheme: allow what is not declared harmless (`Scheme.confined`,
        `Option.confined`): local files, descriptors, programs.
      any_network: allow also what is not globally reachable.
      allow_schemes: names allowed besides the confined ones, with all options.
      allow_networks: allowed although not globally reachable.
      deny_networks: refused whatever the others say.
    """

    def __init__(
        self,
        name: str,
        *,
        any_scheme: bool = False,
        any_network: bool = False,
        allow_schemes: Sequence[str] = (),
        allow_networks: Sequence[str] = (),
        deny_networks: Sequence[str] = (),
    ) -> None:
        self.name = name
        self.any_scheme = any_scheme
        self.any_network = any_network
        self.allow_schemes = _texts(allow_schemes)
        self.allow_networks = _texts(allow_networks)
        self.deny_networks = _texts(deny_networks)
        if self.allow_networks or self.deny_networks:
            from fildes.policy import networks

            networks.check((*self.allow_networks, *self.deny_networks))

    def __repr__(self) -> str:
        return f"<fildes.Policy {self.name!r}>"

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Policy) and vars(self) == vars(other)

    def __hash__(self) -> int:
        return hash(tuple(vars(self).values()))

    @staticmethod
    def trusted() -> Policy:
        """Return the policy of an address that its user wrote: everything goes."""
        return _TRUSTED

    @classmethod
    def untrusted(cls) -> Policy:
        """Return the policy of an address that came from elsewhere.

        It reaches the public network only: no local file, descriptor, program
        or private network, and sets no option that could.
        """
        return cls("untrusted")

    def check_scheme(self, address: Address, scheme: Scheme) -> None:
        """Refuse the layer *address* if its *scheme* or an option is not allowed.

        Raises:
          PolicyError: a PermissionError, EACCES, that names what was refused.
        """
        if self.any_scheme or scheme.name in self.allow_schemes:
            return
        if not scheme.confined:
            raise self._refusal(f"{scheme.name} addresses reach beyond the public network")
        for name, _ in address.options:
            option = scheme.option(name)
            if option is None or not option.confined:
                raise self._refusal(f"option {name} of {scheme.name} is for trusted addresses")

    def check_ip(self, ip: str) -> None:
        """Refuse the IP address *ip*, a text as from getaddrinfo(3), if not allowed.

        Raises:
          PolicyError: a PermissionError, EACCES, that names the address and its reach.
        """
        reason = self._why_not(ip)
        if reason:
            raise self._refusal(reason)

    def check_unresolved(self, host: str) -> None:
        """Refuse the name *host*, which others will resolve, unless all networks are allowed.

        Raises:
          PolicyError: a PermissionError, EACCES, that names the host.
        """
        if not self.any_network or self.deny_networks:
            raise self._refusal(f"{host} would be resolved by the proxy, out of our sight")

    def allows_ip(self, ip: str) -> bool:
        """Return whether `check_ip` lets *ip* pass."""
        return not self._why_not(ip)

    def _why_not(self, ip: str) -> str:
        if self.any_network and not self.deny_networks:
            return ""
        # Who trusts an address does not pay for ipaddress, 2 ms.
        from fildes.policy import networks

        try:
            denied = networks.holds(self.deny_networks, ip, hidden=True)
        except AddressError as error:
            return str(error)
        if denied:
            return f"{ip} is in a denied network"
        if self.any_network or networks.holds(self.allow_networks, ip):
            return ""
        reach = networks.reach_of(ip)
        if reach is networks.Reach.GLOBAL:
            return ""
        return f"{ip} is not on the public network ({reach})"

    def _refusal(self, reason: str) -> PolicyError:
        return PolicyError(f"{reason}; refused by the {self.name} policy")


def _texts(values: Sequence[str]) -> tuple[str, ...]:
    if isinstance(values, str):
        raise TypeError(f"a sequence of texts is wanted, not the one text {values!r}")
    return tuple(values)


_TRUSTED = Policy("trusted", any_scheme=True, any_network=True)
