"""Whose a thing is that is made at a path: the options ``user`` and ``group``."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, NamedTuple

from fildes.errors import AddressError
from fildes.scheme import Option

if TYPE_CHECKING:
    from fildes.address import Address
    from fildes.opening.opening import Opening

#: Of every scheme that makes something at a path.
OWNER = (
    Option("user", "text", "whose it is that is made, by name or number; for root to say"),
    Option("group", "text", "the group of what is made, by name or number"),
)

#: Of chown(2), which leaves what is -1; it is no user and no group.
LEFT, MOST = -1, 2**32 - 2


class Owner(NamedTuple):
    """A user and a group by number; -1 for what the kernel chooses."""

    user: int = LEFT
    group: int = LEFT

    def give(self, place: str | int) -> None:
        """Make what is at *place*, a path or a descriptor, the owner's.

        Raises:
          OSError: EPERM, that is not ours to say.
        """
        if self == NOBODY_ELSE:
            return
        try:
            if isinstance(place, int):
                os.fchown(place, *self)
            else:
                os.chown(place, *self, follow_symlinks=False)
        except PermissionError as error:
            why = "only root gives files away; others choose among their own groups"
            raise OSError(error.errno, f"{error.strerror} to set user or group: {why}") from None


#: Whoever makes it, as ever.
NOBODY_ELSE = Owner()


def owner_of(opening: Opening, address: Address) -> Owner:
    """Return the owner that the options of *address* name, before anything is made.

    Raises:
      AddressError: there is no such user or group, or it has no path to be of.
    """
    user, group = opening.option(address, "user"), opening.option(address, "group")
    if user is None and group is None:
        return NOBODY_ELSE
    if address.path.startswith("@"):
        raise AddressError("options user and group are for a path; an abstract name has no owner")
    return Owner(
        LEFT if user is None else user_number(user),
        LEFT if group is None else group_number(group),
    )


def user_number(text: str) -> int:
    """Return the number of the user that *text* names; digits are one."""
    if text.isascii() and text.isdigit():
        return checked(text, "user")
    import pwd

    try:
        return pwd.getpwnam(text).pw_uid
    except (KeyError, ValueError):  # ValueError: a NUL
        raise AddressError(f"there is no user {text[:40]!a} on this machine") from None


def group_number(text: str) -> int:
    """Return the number of the group that *text* names; digits are one."""
    if text.isascii() and text.isdigit():
        return checked(text, "group")
    import grp

    try:
        return grp.getgrnam(text).gr_gid
    except (KeyError, ValueError):
        raise AddressError(f"there is no group {text[:40]!a} on this machine") from None


def checked(digits: str, what: str) -> int:
    """Return the number that *digits* are, if it is one of a *what*."""
    if len(digits) > 10 or int(digits) > MOST:
        raise AddressError(f"{digits[:20]} is no number of a {what}: 0 to {MOST}")
    return int(digits)
