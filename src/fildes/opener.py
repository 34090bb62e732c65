"""Opening many documents with the same settings, over connections that are kept."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, NamedTuple, Self

from fildes.files.here import file_of
from fildes.files.modes import check_text
from fildes.opening.arguments import check_options, check_times
from fildes.opening.spelling import PLAIN
from fildes.verbs import OPEN_TIMEOUT, Options, open_now, prepare

if TYPE_CHECKING:
    import re
    from types import TracebackType

    from fildes.files.base_description import BaseDescription
    from fildes.files.modes import Mode
    from fildes.http.again import Site
    from fildes.opening.opening import Opening
    from fildes.policy.policy import Policy
    from fildes.signatures import Open

#: What tells "left out" from None, which has a meaning of its own.
LEFT_OUT: Any = object()


#: Sites of which an Opener knows how they are asked for small documents; arbitrary.
MAX_SITES = 64

#: The arguments of `Opener.open` where nothing but the address is given: how most are opened.
USUAL = tuple((mode, -1, None, None, None, LEFT_OUT, LEFT_OUT, None, None) for mode in (None, "rb"))


class Prepared(NamedTuple):
    """An open whose arguments were checked, with its time limits."""

    opening: Opening
    wanted: Mode
    timeout: float | None
    idle_timeout: float | None


class Defaults:
    """What an `Opener` of either kind has: defaults, and connections."""

    def __init__(
        self,
        *,
        timeout: float | None = OPEN_TIMEOUT,
        idle_timeout: float | None = None,
        policy: Policy | None = None,
        **options: Options,
    ) -> None:
        # 1 ms that who only imports fildes does not pay.
        from fildes.http.pool import Pool
        from fildes.http.remembered import Memory

        check_times(timeout, idle_timeout)
        self.timeout = timeout
        self.idle_timeout = idle_timeout
        self.policy = policy
        self.options = check_options(options)
        self.pool = Pool()
        self.memory = Memory.under(self.options)
        self.sites: dict[str, Site] = {}

    def prepare(
        self,
        address: Any,
        mode: str | None,
        timeout: float | None,
        idle_timeout: float | None,
        policy: Policy | None,
        compression: str | None,
        options: Mapping[str, Options],
    ) -> Prepared:
        """Merge what is given to one open with the defaults, and check all of it."""
        if self.pool.closed:
            raise ValueError("the Opener is closed")
        limit = self.timeout if timeout is LEFT_OUT else timeout
        idle = self.idle_timeout if idle_timeout is LEFT_OUT else idle_timeout
        check_times(limit, idle)
        merged = merge(self.options, options) if options else self.options
        opening, wanted = prepare(address, mode, policy or self.policy, merged, compression)
        opening.pool = self.pool
        opening.memory = self.memory if not options and policy is None else None
        return Prepared(opening, wanted, limit, idle)

    def plain(self, address: Any, how: tuple[Any, ...], options: object) -> re.Match[str] | None:
        """Return the parts of *address* if it is a plain one of the web, opened as usual."""
        usual = how in USUAL and not options and isinstance(address, str)
        return PLAIN.fullmatch(address) if usual else None

    def learn(self, place: str, opening: Opening, description: BaseDescription) -> None:
        """Know from now on what *opening* has found out about the site at *place*."""
        if opening.learned is None:
            return
        found, head = opening.learned
        opening.learned = None
        site = self.sites.get(place)
        if site is not None:
            site.learn(head)
            return
        if len(self.sites) >= MAX_SITES:
            self.sites.clear()
        found.opened_by, found.idle_timeout = description.opened_by, description.idle_timeout
        self.sites[place] = found


class Opener(Defaults):
    r"""Opens documents one after the other, over connections that are kept.

    `fildes.open` makes a connection of its own for each document. An Opener keeps an
    http connection whose document was read to its end, and uses it for the next one
    that is fetched from the same server in the same way: by the same proxies, under
    the same TLS options, credentials and policy. Threads may share an Opener; after a
    fork(2) the child begins without connections.

    Args:
      timeout, idle_timeout, policy, options: defaults for each `open`.

    Example:
      >>> with fildes.Opener(https={"headers": {"X-Team": "us"}}) as opener:
      ...     for name in names:
      ...         with opener.open(f"https://localhost/{name}") as f:
      ...             f.read()
    """

    def open_file(
        self,
        address: Any,
        mode: str | None = None,
        buffering: int = -1,
        encoding: str | None = None,
        errors: str | None = None,
        newline: str | None = None,
        *,
        timeout: float | None = LEFT_OUT,
        idle_timeout: float | None = LEFT_OUT,
        policy: Policy | None = None,
        compression: str | None = None,
        **options: Options,
    ) -> Any:
        """Do what `open` says."""
        how = mode, buffering, encoding, errors, newline, timeout, idle_timeout, policy, compression
        plain = self.plain(address, how, options)
        site = None if plain is None else self.sites.get(plain["site"])
        begun = None
        if plain is not None and site is not None:
            begun = site.exchange(address, plain["target"], self.pool, self.timeout)
            here = None if begun is None else file_of(begun)
            if here is not None:
                return here
        text = {"encoding": encoding, "errors": errors, "newline": newline}
        try:
            prepared = self.prepare(
                address, mode, timeout, idle_timeout, policy, compression, options
            )
            check_text(prepared.wanted, buffering, text)
            opening, wanted, limit, idle = prepared
            opening.go_on_from(begun)
        except BaseException:
            if begun is not None:
                begun.abort()
            raise
        file = open_now(opening, wanted, buffering, limit, idle, **text)
        if plain is not None:
            self.learn(plain["site"], opening, file.description)
        return file

    @property
    def open(self) -> Open:
        """Open an address as `fildes.open` does, which has the same arguments.

        What is left out is as the Opener was told; options of one scheme are merged
        name by name.
        """
        return self.open_file

    def close(self) -> None:
        """Close the connections that are kept; files still open are not touched."""
        self.pool.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()


def merge(defaults: Mapping[str, Options], given: Mapping[str, Options]) -> dict[str, Options]:
    """Return the options of both, by scheme; of one that is in both, the *given*."""
    schemes = dict.fromkeys([*defaults, *given])
    return {name: {**defaults.get(name, {}), **given.get(name, {})} for name in schemes}
