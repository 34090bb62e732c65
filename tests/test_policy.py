"""What an address may reach."""

from __future__ import annotations

import errno
import ipaddress

import pytest
from hypothesis import given
from hypothesis import strategies as st
from scheme_table import TABLE, find_scheme

from fildes.address import Address, parse
from fildes.errors import AddressError
from fildes.policy.policy import Policy
from fildes.policy.reach import TABLE as REACH_TABLE
from fildes.policy.reach import Reach, reach_of

REACH = [
    ("0.0.0.0", Reach.UNSPECIFIED),
    ("0.1.2.3", Reach.RESERVED),
    ("9.255.255.255", Reach.GLOBAL),
    ("10.0.0.0", Reach.PRIVATE),
    ("10.255.255.255", Reach.PRIVATE),
    ("11.0.0.0", Reach.GLOBAL),
    ("100.63.255.255", Reach.GLOBAL),
    ("100.64.0.1", Reach.SHARED),
    ("100.127.255.255", Reach.SHARED),
    ("127.0.0.1", Reach.LOOPBACK),
    ("127.255.255.255", Reach.LOOPBACK),
    ("168.63.129.16", Reach.LINK_LOCAL),
    ("169.254.169.254", Reach.LINK_LOCAL),
    ("172.15.255.255", Reach.GLOBAL),
    ("172.16.0.0", Reach.PRIVATE),
    ("172.31.255.255", Reach.PRIVATE),
    ("192.0.0.8", Reach.RESERVED),
    ("192.0.0.9", Reach.GLOBAL),
    ("192.0.0.192", Reach.RESERVED),
    ("192.0.2.1", Reach.DOCUMENTATION),
    ("192.88.99.1", Reach.RESERVED),
    ("192.168.1.1", Reach.PRIVATE),
    ("198.18.0.1", Reach.BENCHMARKING),
    ("198.51.100.1", Reach.DOCUMENTATION),
    ("203.0.113.1", Reach.DOCUMENTATION),
    ("224.0.0.1", Reach.MULTICAST),
    ("240.0.0.1", Reach.RESERVED),
    ("255.255.255.255", Reach.BROADCAST),
    ("8.8.8.8", Reach.GLOBAL),
    ("::", Reach.UNSPECIFIED),
    ("::1", Reach.LOOPBACK),
    ("::2", Reach.RESERVED),
    ("100::1", Reach.RESERVED),
    ("2001:1::1", Reach.GLOBAL),
    ("2001:1::4", Reach.RESERVED),
    ("2001:2::1", Reach.BENCHMARKING),
    ("2001:10::1", Reach.RESERVED),
    ("2001:db8::1", Reach.DOCUMENTATION),
    ("3fff::1", Reach.DOCUMENTATION),
    ("5f00::1", Reach.RESERVED),
    ("fc00::1", Reach.PRIVATE),
    ("fd00:ec2::254", Reach.PRIVATE),
    ("fe80::1", Reach.LINK_LOCAL),
    ("fe80::1%eth0", Reach.LINK_LOCAL),
    ("fec0::1", Reach.PRIVATE),
    ("ff02::1", Reach.MULTICAST),
    ("2606:4700::1111", Reach.GLOBAL),
    # with an IPv4 address inside
    ("::ffff:127.0.0.1", Reach.LOOPBACK),
    ("::ffff:7f00:1", Reach.LOOPBACK),
    ("::ffff:10.0.0.1", Reach.PRIVATE),
    ("::ffff:8.8.8.8", Reach.GLOBAL),
    ("::127.0.0.1", Reach.LOOPBACK),
    ("::8.8.8.8", Reach.RESERVED),
    ("64:ff9b::7f00:1", Reach.LOOPBACK),
    ("64:ff9b::a9fe:a9fe", Reach.LINK_LOCAL),
    ("64:ff9b::808:808", Reach.GLOBAL),
    ("64:ff9b:1::808:808", Reach.PRIVATE),
    ("2002:7f00:1::", Reach.LOOPBACK),
    ("2002:a00:1::1", Reach.PRIVATE),
    ("2002:808:808::1", Reach.GLOBAL),
    ("2001:0:7f00:1::f7f7:f7f7", Reach.LOOPBACK),  # Teredo by a server on the loopback
    ("2001:0:808:808::80ff:fffe", Reach.LOOPBACK),  # Teredo to a client on the loopback
    ("2001:0:808:808::f7f7:f7f7", Reach.RESERVED),
    ("2606::5efe:7f00:1", Reach.LOOPBACK),  # ISATAP
    ("2606::200:5efe:c0a8:1", Reach.PRIVATE),
]


@pytest.mark.parametrize(("ip", "reach"), REACH)
def test_reach_follows_the_registries(ip: str, reach: Reach) -> None:
    """Each special-purpose network, and what carries one inside, is recognized."""
    assert reach_of(ip) is reach


@pytest.mark.parametrize(("ip", "reach"), REACH)
def test_untrusted_addresses_reach_the_public_network_only(ip: str, reach: Reach) -> None:
    """The untrusted policy lets pass what is globally reachable and nothing else."""
    assert Policy.untrusted().allows_ip(ip) is (reach is Reach.GLOBAL)


NUMBERS = ["", "127.1", "0177.0.0.1", "0x7f.0.0.1", "2130706433", "１２７.0.0.1", " 8.8.8.8",
           "8.8.8.8 ", "8.8.8.8/32", "[::1]", "::1::", "example.com", "::ffff:0177.0.0.1",
           "fe80::1%"]  # fmt: skip


@pytest.mark.parametrize("ip", NUMBERS)
@pytest.mark.parametrize(
    "policy", [Policy.untrusted(), Policy("most", any_network=True, deny_networks=["10.0.0.0/8"])]
)
def test_numbers_in_other_notations_are_refused(policy: Policy, ip: str) -> None:
    """What is not an IP address in its usual form passes no policy that looks at it."""
    with pytest.raises(AddressError):
        reach_of(ip)
    assert not policy.allows_ip(ip)


def test_refusal_names_the_address_and_its_reach() -> None:
    """The error is the kernel's own for a forbidden thing, and says why."""
    with pytest.raises(PermissionError) as caught:
        Policy.untrusted().check_ip("127.0.0.1")
    assert caught.value.errno == errno.EACCES
    assert "127.0.0.1 is not on the public network (loopback)" in str(caught.value)
    assert "untrusted policy" in str(caught.value)


@pytest.mark.parametrize(("ip", "_"), REACH)
def test_trusted_addresses_reach_everything(ip: str, _: Reach) -> None:
    """The trusted policy refuses no network."""
    Policy.trusted().check_ip(ip)


OWN = Policy(
    "own", allow_networks=["10.1.0.0/16", "fd00::/8"], deny_networks=["8.8.8.0/24", "10.1.1.1"]
)

OWN_ANSWERS = [
    ("10.1.2.3", True),
    ("::ffff:10.1.2.3", True),
    ("64:ff9b::a01:203", False),
    ("fd00::1", True),
    ("10.2.0.1", False),
    ("10.1.1.1", False),
    ("::ffff:10.1.1.1", False),
    ("8.8.8.8", False),
    ("64:ff9b::808:808", False),
    ("1.1.1.1", True),
]


@pytest.mark.parametrize(("ip", "allowed"), OWN_ANSWERS)
def test_own_networks_can_be_allowed_and_denied(ip: str, allowed: bool) -> None:
    """A denied network is denied in every form; an allowed one as the kernel sees it."""
    assert OWN.allows_ip(ip) is allowed


def test_denied_networks_bind_the_trusted_too() -> None:
    """deny_networks wins over any_network."""
    policy = Policy("but not the metadata", any_network=True, deny_networks=["169.254.0.0/16"])
    assert [policy.allows_ip(ip) for ip in ("169.254.169.254", "127.0.0.1")] == [False, True]


@pytest.mark.parametrize("network", ["10.0.0.1/8", "ten", "", "10/8"])
def test_networks_are_checked_at_once(network: str) -> None:
    """A mistyped network is found when the policy is made."""
    with pytest.raises(AddressError, match="no network"):
        Policy("x", deny_networks=[network])


def test_one_network_is_not_taken_for_a_sequence() -> None:
    """A bare text where several belong is a mistake, not its characters."""
    with pytest.raises(TypeError):
        Policy("x", deny_networks="10.0.0.0/8")


def test_policies_are_values() -> None:
    """Equal policies are equal and hash alike, from lists or tuples."""
    assert hash(Policy("x", allow_schemes=["fd"])) == hash(Policy("x", allow_schemes=("fd",)))


def check(policy: Policy, text: str) -> None:
    for layer in parse(text, find_scheme).layers():
        policy.check_scheme(layer, TABLE[layer.scheme])


CONFINED = ["tcp://h:1", "tls://h", "png::https://h/x", "zip:a::data:,x", "tcp://h:1?nodelay=off"]
BEYOND = ["exec:id", "fd:3", "stdio:", "unix:/x", "/etc/passwd", "zip:m::exec:id", "gzip::fd:0",
          "http://h/::unix:/s", "tls://h::socks5://p", "tls://h?ca=/etc/passwd",
          "tcp://h:1?nodelay=off&backlog=3"]  # fmt: skip


@pytest.mark.parametrize("text", CONFINED)
def test_untrusted_addresses_may_name_confined_schemes(text: str) -> None:
    """Schemes and options declared confined pass."""
    check(Policy.untrusted(), text)


@pytest.mark.parametrize("text", BEYOND)
def test_untrusted_addresses_name_nothing_local(text: str) -> None:
    """Files, descriptors, programs, and options that could name them, are refused."""
    with pytest.raises(PermissionError) as caught:
        check(Policy.untrusted(), text)
    assert caught.value.errno == errno.EACCES


@pytest.mark.parametrize("text", CONFINED + BEYOND)
def test_trusted_addresses_name_everything(text: str) -> None:
    """The trusted policy refuses no scheme."""
    check(Policy.trusted(), text)


def test_single_schemes_can_be_allowed() -> None:
    """allow_schemes lets in the schemes named, and no others."""
    policy = Policy("unix too", allow_schemes=["unix"])
    check(policy, "http://h/::unix:/s")
    with pytest.raises(PermissionError):
        check(policy, "fd:3")


def test_undeclared_options_are_refused() -> None:
    """An option that no scheme declares is not let in by accident."""
    with pytest.raises(PermissionError):
        Policy.untrusted().check_scheme(Address("tcp", "h", 1, options=(("x", 1),)), TABLE["tcp"])


@given(st.ip_addresses(v=4))
def test_wrapping_an_address_never_widens_its_reach(address: ipaddress.IPv4Address) -> None:
    """An IPv4 address that is refused is refused in every IPv6 form of it."""
    number = int(address)
    forms = [0xFFFF << 32 | number, number, 0x64FF9B << 96 | number, 0x2002 << 112 | number << 80]
    wrapped = {Policy.untrusted().allows_ip(str(ipaddress.IPv6Address(form))) for form in forms}
    assert Policy.untrusted().allows_ip(str(address)) or wrapped == {False}


@given(st.ip_addresses())
def test_python_calls_nothing_private_that_we_call_global(
    address: ipaddress.IPv4Address | ipaddress.IPv6Address,
) -> None:
    """Where the standard library knows a private address, so does the table."""
    known = {network for network, reach in REACH_TABLE if reach is Reach.GLOBAL}
    excepted = any(
        address in network
        for network in map(ipaddress.ip_network, known)
        if network.prefixlen > 3  # 0.0.0.0/0 and 2000::/3 are no exceptions
    )
    if address.is_private and not excepted:
        assert reach_of(str(address)) is not Reach.GLOBAL
