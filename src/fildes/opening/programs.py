"""The address of a program, from its arguments as data."""

from __future__ import annotations

from collections.abc import Mapping

from fildes.address import Address, build
from fildes.opening import registry


def Exec(  # reads as what it returns: a kind of address
    program: str,
    *arguments: str,
    cwd: str | None = None,
    env: Mapping[str, str] | None = None,
    stderr: str | None = None,
) -> Address:
    """Return the address of *program* with *arguments*, in which nothing is syntax.

    Args:
      program: a path, or a name to be found in PATH.
      arguments: each becomes one element of argv, whatever its characters.
      cwd: the directory that it starts in; ours if left out.
      env: added to our environment.
      stderr: ``"inherit"``, ``"null"`` or ``"stdout"``.

    Raises:
      AddressError: an argument holds a control character.

    Example:
      >>> str(Exec("grep", "-c", "a b"))
      'exec://grep?arg=-c&arg=a%20b'
    """
    added = None if env is None else [f"{name}={value}" for name, value in env.items()]
    return build(
        registry.find_scheme,
        "exec",
        path=program,
        arg=arguments or None,
        cwd=cwd,
        env=added,
        stderr=stderr,
    )
