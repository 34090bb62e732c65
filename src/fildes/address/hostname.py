"""Which text is a host, and its one canonical spelling.

Three kinds are known: a name of the DNS, a dotted quad, an IPv6 address in
brackets. What a resolver might take for a number in another notation
(``127.1``, ``0x7f.1``, full-width digits) is refused, because a policy and a
resolver that read it differently are a way round the policy.
"""

from __future__ import annotations

from fildes.address.syntax import excerpt
from fildes.errors import AddressError
from fildes.patterns import pattern

#: Letters, digits, hyphens inside; and "_", which names in the wild have.
_LABEL = pattern(r"[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9_])?")  # RFC 1035 section 2.3.4
MAX_NAME = 253  #: RFC 1035 section 2.3.4: 255 octets with the length bytes

_OCTET = r"(?:25[0-5]|2[0-4][0-9]|1[0-9]{2}|[1-9]?[0-9])"
_QUAD = pattern(rf"{_OCTET}(?:\.{_OCTET}){{3}}")
_NUMBER = pattern(r"[0-9]+|0x[0-9a-f]*")
_ZONE = pattern(r"[A-Za-z0-9._~-]+")  # ZoneID without escapes, RFC 6874 section 2


def parse_host(text: str) -> str:
    """Return the canonical host of *text*, as it stands in an authority.

    Raises:
      AddressError: it is no host, or one that could be read in two ways.
    """
    if text.startswith("["):
        return _parse_bracketed(text[1:-1])
    return canonical_name(text)


def canonical_host(host: str) -> str:
    """Return the canonical spelling of a *host* given as data, without brackets."""
    if ":" in host:
        address, percent, zone = host.partition("%")
        return _canonical_ipv6(address, zone if percent else None)
    return canonical_name(host)


def is_ip(host: str) -> bool:
    """Return whether the canonical *host* is an IP address."""
    return ":" in host or host.rpartition(".")[2].isdigit()


def _parse_bracketed(text: str) -> str:
    address, percent, zone = text.partition("%25")
    if percent:
        return _canonical_ipv6(address, zone)
    if "%" in text:
        raise AddressError("the % before an IPv6 zone is written %25, as in [fe80::1%25eth0]")
    return _canonical_ipv6(address, None)


def _canonical_ipv6(text: str, zone: str | None) -> str:
    import ipaddress  # 4 ms that only an IPv6 literal pays

    try:
        address = ipaddress.IPv6Address(text)
    except ValueError:
        raise AddressError(f"{excerpt(text)} is not an IPv6 address") from None
    # CPython before 3.13 writes the mapped quad in hexadecimal; RFC 5952 section 5.
    mapped = address.ipv4_mapped
    canonical = f"::ffff:{mapped}" if mapped else str(address)
    if zone is None:
        return canonical
    if not _ZONE.fullmatch(zone):
        raise AddressError("an IPv6 zone is the name or number of an interface")
    return f"{canonical}%{zone}"


def canonical_name(text: str) -> str:
    """Return *text*, a DNS name or a dotted quad, lower-case and as A-labels."""
    if not text:
        raise AddressError("the host is missing")
    if text.isascii():
        name = text.lower()
        if "xn--" in name:
            name = _to_a_labels(name)
    else:
        name = _to_a_labels(_lower(text))
    _check_name(name)
    return name


def _lower(text: str) -> str:
    """Return *text* in lower case; RFC 5895 section 2 without its width mappings."""
    import unicodedata

    if unicodedata.normalize("NFKC", text) != text:
        raise AddressError(f"the host {excerpt(text)} has characters that only look like others")
    return text.lower()


def _to_a_labels(name: str) -> str:
    """Return *name* with each non-ASCII label encoded; RFC 5891 section 4."""
    if len(name) > MAX_NAME:
        raise AddressError(f"the host is longer than {MAX_NAME} characters")
    return ".".join(
        label if label.isascii() and not label.startswith("xn--") else _a_label(label)
        for label in name.split(".")
    )


def _a_label(label: str) -> str:
    import idna  # 20 ms that only an internationalized name pays

    try:
        return idna.alabel(label).decode("ascii")
    except UnicodeError as error:
        message = f"{excerpt(label)} in the host is not a label of IDNA 2008: {error}"
        raise AddressError(message) from None


def _check_name(name: str) -> None:
    labels = name.removesuffix(".").split(".")  # a last dot: the name is complete
    if _NUMBER.fullmatch(labels[-1]):
        if not _QUAD.fullmatch(name):
            raise AddressError(
                f"the host {excerpt(name)} is a number but no IPv4 address; "
                "write four decimal numbers, as in 127.0.0.1"
            )
        return
    if len(name) > MAX_NAME:
        raise AddressError(f"the host is longer than {MAX_NAME} characters")
    for label in labels:
        if not _LABEL.fullmatch(label):
            raise AddressError(
                f"the host {excerpt(name)} is not a name: its labels are 1 to 63 letters, "
                "digits and inner hyphens, separated by dots"
            )
