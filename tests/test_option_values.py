"""Numbers in addresses: each option takes those that make sense, and says which."""

from __future__ import annotations

import importlib
import math
from pathlib import Path

import pytest

import fildes.schemes
from fildes.address.options import LONGEST, check_options
from fildes.errors import AddressError
from fildes.scheme import Option, Scheme

FOLDER = Path(fildes.schemes.__file__).parent

SCHEMES: list[Scheme] = [
    importlib.import_module(f"fildes.schemes.{path.stem}").SCHEME
    for path in sorted(FOLDER.glob("*.py"))
    if path.stem != "__init__"
]

#: Each option that is a number, in one of the schemes that have it.
OWNERS = {
    option: scheme
    for scheme in SCHEMES
    for option in scheme.options
    if option.type in ("integer", "seconds")
}

every_number = pytest.mark.parametrize(
    ("scheme", "option"),
    [
        pytest.param(scheme, option, id=f"{scheme.name}-{option.name}")
        for option, scheme in OWNERS.items()
    ],
)


def least_and_most(option: Option) -> tuple[float, float]:
    if option.type == "integer":
        return option.least, option.most
    return max(option.least, 0), min(option.most, LONGEST)


@every_number
def test_bounds(scheme: Scheme, option: Option) -> None:
    """What is too little or too much is refused, before anything is opened; the bounds are not."""
    least, most = least_and_most(option)
    for bound, beyond in ((least, least - 1), (most, most + 1)):
        if math.isfinite(bound):
            assert check_options({option.name: bound}, scheme) == ((option.name, bound),)
            with pytest.raises(AddressError, match=f"option {option.name} takes a .*, not '"):
                check_options({option.name: beyond}, scheme)


@every_number
def test_no_numbers(scheme: Scheme, option: Option) -> None:
    """Neither is what is no number of a size that anything has."""
    for text in ("", "nan", "inf", "-inf", "1e400", "x", "9" * 30, "0x10"):
        with pytest.raises(AddressError, match=f"option {option.name} takes a (whole )?number"):
            check_options({option.name: text}, scheme)


def test_what_is_told() -> None:
    """The error says what the option takes, in numbers that can be read."""
    (scheme,) = (each for each in SCHEMES if each.name == "tls-listen")
    with pytest.raises(AddressError) as info:
        check_options({"handshake-timeout": "0"}, scheme)
    assert str(info.value) == (
        "option handshake-timeout takes a number of seconds from 0.001 to 1000000000, not '0'"
    )


def test_counts_have_a_least() -> None:
    """No option that counts something, or is a length of time, may be below 0."""
    signed = {each.name for each in OWNERS if each.type == "integer" and each.least < 0}
    assert signed == {"level"}  # of which each codec has its own
