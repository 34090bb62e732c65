"""What an option of socat does to an address in the making."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable
from typing import Any

from fildes.address.rules import RECEIVING
from fildes.cli.socat.addresses import port_of, unbracketed
from fildes.cli.socat.draft import Draft, Layer
from fildes.cli.socat.elsewhere import ONE_USER
from fildes.cli.socat.options import Rule
from fildes.cli.socat.ranges import networks_of
from fildes.cli.socat.values import Value, read_integer
from fildes.errors import AddressError
from fildes.opening.owners import NOBODY_ELSE, group_number, user_number

Effect = Callable[[Draft, str, Any], None]


def apply_effect(draft: Draft, rule: Rule, value: Value) -> None:
    """Let the option of *rule* with *value* have its effect on *draft*."""
    kind, _, argument = rule.effect.partition(":")
    EFFECTS[kind](draft, argument, value)


def set_field(draft: Draft, argument: str, value: Any) -> None:
    """Set a field of the settings."""
    name, equals, constant = argument.partition("=")
    if equals and value is False:  # forever=0
        return
    if equals:
        value = read_integer(constant) if constant.lstrip("-").isdigit() else constant
    elif name in ("retry", "read_bytes") and value < (name != "retry"):
        raise AddressError(f"{value} is too small")
    draft.settings[name] = value


def set_range(draft: Draft, argument: str, text: str) -> None:
    """Let in who is of a network, or of a host that has a name, and no others."""
    draft.outer.options["allow"] = networks_of(text)


def join_group(draft: Draft, argument: str, text: str) -> None:
    """Hear a multicast group at an interface: ``group:interface``, or ``group:address:name``."""
    if text.startswith("[") or text.count(":") != 2:
        spelt = text
    else:
        group, address, name = text.split(":")
        spelt = f"{group}:{name or address}"
    draft.outer.options.setdefault("join", []).append(spelt)


def set_option(draft: Draft, argument: str, value: Any) -> None:
    """Set an option of the scheme that is opened."""
    name, equals, constant = argument.partition("=")
    if equals and value is False:
        return
    draft.outer.options[name] = constant if equals else value


def set_children(draft: Draft, argument: str, value: int) -> None:
    """Set how many connections there may be at once."""
    if value < 1:
        raise AddressError(f"{value} is too small")
    draft.children = value


def set_carrier(draft: Draft, argument: str, value: Any) -> None:
    """Set an option of the layer that connects, or where a listener listens."""
    listens = draft.outer.scheme.endswith(RECEIVING)
    if listens and argument == "broadcast":  # nothing is sent, or to one sender at a time
        return
    if listens and argument == "bind":
        bind_listener(draft.outer, value)
    elif argument == "bind":
        layer = draft.carrier()
        layer.options["bind"] = own_name(layer, value)
    else:
        draft.carrier().options[argument] = value


def set_reuse(draft: Draft, argument: str, value: bool) -> None:
    """Let what connects take a port in which old connections linger; a listener does."""
    if not draft.outer.scheme.endswith(RECEIVING) and draft.carrier().port is not None:
        draft.carrier().options["reuseaddr"] = value


def own_name(layer: Layer, text: str) -> str:
    """Return the local address *text* as *layer* has it; an abstract one is written plain."""
    if layer.path.startswith("@") and layer.scheme.startswith("unix"):
        return f"@{text}"
    return unbracketed(text)


def bind_listener(layer: Layer, text: str) -> None:
    """Let a listener listen at the local address *text*, which may bring a port."""
    if layer.scheme == "vsock-listen":
        layer.path = text if ":" in text else f"{text}{layer.path}"
        return
    if text.startswith("[") or text.count(":") != 1:
        layer.host = unbracketed(text)
        return
    host, _, service = text.partition(":")
    layer.host = host or layer.host
    layer.port = port_of(service, layer.scheme)


def set_family(draft: Draft, argument: str, value: str) -> None:
    """Choose IPv4 or IPv6."""
    families = {"ip4": "4", "ipv4": "4", "4": "4", "2": "4", "ip6": "6", "ipv6": "6", "6": "6"}
    if value.lower() not in families:
        raise AddressError("a protocol family is ip4 or ip6")
    family = families[value.lower()]
    layer = draft.outer if draft.outer.scheme.endswith("-listen") else draft.carrier()
    name, listen, _ = layer.scheme.partition("-listen")
    if name == "udp-recv":
        if family != "46"[":" in layer.host]:
            layer.host = {"4": "127.0.0.1", "6": "::1"}[family]
    elif name in ("tls", "udp") and listen:
        layer.host = layer.host or {"4": "127.0.0.1", "6": "::1"}[family]
    else:
        layer.scheme = f"{name.rstrip('46')}{family}{listen}"


def set_dual(draft: Draft, argument: str, value: bool) -> None:
    """Say whether IPv4 is taken, too, by what listens over IPv6: by itself it is not."""
    draft.dual = not value


def set_peer_name(draft: Draft, argument: str, value: str) -> None:
    """Say for which name the certificate of the server, or of a client, has to be."""
    if draft.outer.scheme.endswith("-listen"):
        draft.outer.options["client-name"] = [value]
    else:
        draft.outer.options["name"] = value


def set_server_name(draft: Draft, argument: str, value: str) -> None:
    """Ask a TLS server for a name; the certificate has to prove the same one."""
    if draft.outer.options.setdefault("name", value) != value:
        raise AddressError("the name that is asked for is the one to be proved: commonname=")


def set_proxy(draft: Draft, argument: str, value: str) -> None:
    """Set the port of the proxy, the user or both parts of a credential."""
    proxy = next(each for each in draft.layers if each.scheme in PROXIES)
    if argument == "port":
        proxy.port = port_of(value, "tcp")
    elif argument == "user":
        proxy.user = value
    else:
        proxy.user, _, proxy.password = value.partition(":")


PROXIES = ("connect", "socks4a", "socks5")


def set_flag(draft: Draft, argument: str, value: bool) -> None:
    """Set or clear a flag of open(2)."""
    flag: int = getattr(os, argument)
    draft.flags = draft.flags | flag if value else draft.flags & ~flag


def set_nonblock(draft: Draft, argument: str, value: bool) -> None:
    """Let a named pipe be open at once; nothing else makes us wait in the kernel."""
    if draft.outer.scheme == "file":
        set_flag(draft, "O_NONBLOCK", value)
    elif draft.outer.scheme == "pipe" and draft.outer.path and value:
        draft.outer.options["nonblock"] = True


def set_access(draft: Draft, argument: str, value: bool) -> None:
    """Say whether a file is read, written or both."""
    if value:
        draft.access = getattr(os, argument)


def set_mode(draft: Draft, argument: str, value: int) -> None:
    """Set the permission bits of what is created."""
    if draft.outer.scheme == "file":
        draft.settings["mode"] = value
    else:
        draft.outer.options["mode"] = f"{value:03o}"


def set_owner(draft: Draft, part: str, text: str) -> None:
    """Say whose the thing at the path is; there must be such a user or group."""
    if draft.outer.scheme not in OWNED:
        raise AddressError(f"there is no path that it could be the {part} of; {ONE_USER}")
    number = user_number(text) if part == "user" else group_number(text)
    if draft.outer.scheme == "file":
        owner = draft.settings.get("owner", NOBODY_ELSE)
        draft.settings["owner"] = owner._replace(**{part: number})
    else:
        draft.outer.options[part] = text


OWNED = (
    "file",
    "pipe",
    "pty",
    "unix-listen",
    "unix-recv",
    "unix-dgram-listen",
    "unix",
    "unix-dgram",
)


def set_terminal(draft: Draft, argument: str, value: Any) -> None:
    """Set a mode of the terminal that is there, or of the one that is made."""
    if draft.outer.scheme not in ("pty", "exec"):
        draft.terminal.append((argument, int(value)))
    elif argument in ("raw", "rawer", "cfmakeraw"):
        draft.outer.options["raw"] = value
    elif argument == "echo":
        draft.outer.options["echo"] = value
    elif argument == "sane":  # as the kernel makes it
        draft.outer.options.update(raw=False, echo=True)
    else:
        raise AddressError("a terminal that is made has raw, echo and sane, and no other modes")


def pass_signal(draft: Draft, argument: str, value: bool) -> None:
    """Let a signal reach the program, instead of ending us."""
    if value:
        passed = draft.settings.get("signals", ())
        draft.settings["signals"] = (*passed, int(signal.Signals[argument]))


def check_unlink(draft: Draft, argument: str, value: bool) -> None:
    """Take unlink-close for what listens, whose name is removed at the end."""
    if not value:
        raise AddressError("what a listener has made at its path it removes, if still its own")
    if not draft.outer.scheme.endswith("-listen"):
        draft.settings["unlink_close"] = True


def do_nothing(draft: Draft, argument: str, value: Any) -> None:
    """Do what is done anyway."""


def refuse(draft: Draft, argument: str, value: Any) -> None:
    """Say why there is no such option, unless it asks for what is the case."""
    if value is not False:
        raise AddressError(argument)


EFFECTS: dict[str, Effect] = {
    "set": set_field,
    "option": set_option,
    "children": set_children,
    "carrier": set_carrier,
    "family": set_family,
    "v6only": set_dual,
    "reuse": set_reuse,
    "commonname": set_peer_name,
    "snihost": set_server_name,
    "proxy": set_proxy,
    "range": set_range,
    "join": join_group,
    "flag": set_flag,
    "access": set_access,
    "mode": set_mode,
    "nonblock": set_nonblock,
    "owner": set_owner,
    "terminal": set_terminal,
    "signal": pass_signal,
    "unlink": check_unlink,
    "done": do_nothing,
    "refused": refuse,
}
