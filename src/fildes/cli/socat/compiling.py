"""From the words of a socat address to one side of a relay."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable
from typing import Any

from fildes.address.parsing import FindScheme
from fildes.address.syntax import excerpt, nearest
from fildes.cli.relaying.side import Side
from fildes.cli.socat.addresses import Kind, all_kinds
from fildes.cli.socat.draft import Draft, Layer
from fildes.cli.socat.effects import apply_effect
from fildes.cli.socat.elsewhere import ADDRESSES, find_family
from fildes.cli.socat.lexing import Words, read_words
from fildes.cli.socat.options import Rule, all_rules
from fildes.cli.socat.values import read_value
from fildes.errors import AddressError

_FILE_NAME = re.compile(r"\.{0,2}/")
_FAMILY = re.compile(r"[46](?=-|$)")


def compile_socat(text: str, find_scheme: FindScheme) -> Side:
    """Return the side of a relay that *text*, a socat address, stands for.

    Raises:
      AddressError: it is none, or says what fildes cannot do; the message names what
        was perhaps meant.
    """
    reading, *writing = (compile_words(words, find_scheme) for words in read_words(text))
    return reading._replace(sink=writing[0]) if writing else reading


def compile_words(words: Words, find_scheme: FindScheme) -> Side:
    """Return what one single address stands for."""
    kind, parameters = find_kind(words)
    keyword = words.keyword.upper() or "the address"
    try:
        draft = make_draft(kind, parameters)
        apply_options(draft, kind, words.options)
        finish(draft)
        return Side(draft.address(find_scheme), draft.finished_settings())
    except AddressError as error:
        raise AddressError(f"{shown(keyword)}: {error}") from None


def shown(keyword: str) -> str:
    """Return *keyword* as messages have it; it may be a path, or anything."""
    return keyword if keyword.isascii() and keyword.isprintable() else ascii(keyword[:40])


def find_kind(words: Words) -> tuple[Kind, tuple[str, ...]]:
    """Return the kind of address, and its parameters.

    A number is a descriptor, and a path is whatever is there.
    """
    kinds = all_kinds()
    keyword = words.keyword.lower()
    if keyword.isascii() and keyword.isdigit():
        return kinds["fd"], (keyword, *words.parameters)
    if _FILE_NAME.match(words.keyword):
        return kinds["gopen"], (":".join([words.keyword, *words.parameters]),)
    if keyword in kinds:
        return kinds[keyword], words.parameters
    raise AddressError(no_kind(keyword, list(kinds)))


def no_kind(keyword: str, known: list[str]) -> str:
    """Say that no address begins with *keyword*, and what to write instead."""
    plain = _FAMILY.sub("", keyword)
    instead = ADDRESSES.get(keyword) or ADDRESSES.get(plain)
    if instead:
        return f"{keyword.upper()} is not there: {instead}"
    hint = nearest(keyword, known).upper().replace("DID YOU MEAN", "did you mean")
    return f"no socat address begins with {excerpt(keyword)}{hint}"


def make_draft(kind: Kind, parameters: tuple[str, ...]) -> Draft:
    """Return the draft of an address with *parameters*, as many as its kind takes."""
    names = kind.parameters.split()
    least = sum(not name.startswith("[") for name in names)
    if not least <= len(parameters) <= len(names):
        how_many = f"takes {count(len(names))}" if least == len(names) else "takes them so"
        hint = "; a : in one stands in quotes or behind a backslash" if parameters else ""
        raise AddressError(f"{how_many}: {kind.usage}, not {len(parameters)}{hint}")
    return kind.make(*parameters)


def count(number: int) -> str:
    """Return *number* of parameters in words."""
    return {0: "no parameter", 1: "one parameter"}.get(number, f"{number} parameters")


def apply_options(draft: Draft, kind: Kind, options: Iterable[tuple[str, str | None]]) -> None:
    """Let each option have its effect on *draft*, in order."""
    secret = False  # after a password with a bare comma, what looks like a name is its rest
    for name, text in options:
        if not name and text is None:  # nothing between two commas, which socat allows
            continue
        rule = find_rule(name, kind, hide=secret)
        secret = secret or rule.effect == "proxy:user:password"
        try:
            apply_effect(draft, rule, read_value(rule, text))
        except AddressError as error:
            raise AddressError(f"option {name}: {error}") from None


def find_rule(name: str, kind: Kind, *, hide: bool) -> Rule:
    """Return the rule of the option called *name*, which *kind* must have.

    If there is none, *hide* it from the message.
    """
    rules = all_rules()
    if name not in rules and hide:
        raise AddressError("no option of that name; a comma in a password is written \\,")
    if name not in rules:
        instead = find_family(name)
        if instead:
            raise AddressError(instead)
        known = [each for each, rule in rules.items() if belongs(rule, kind)]
        raise AddressError(f"no option {excerpt(name)}{nearest(name, known)}")
    rule = rules[name]
    if not belongs(rule, kind):
        raise AddressError(f"option {name} is not for this kind of address")
    return rule


def belongs(rule: Rule, kind: Kind) -> bool:
    """Tell whether *kind* has the option of *rule*."""
    return not set(rule.groups.split()).isdisjoint(kind.groups.split())


def take_both_families(layer: Layer) -> None:
    """Let what listens at IPv6 addresses listen at those of IPv4, too."""
    layer.scheme = layer.scheme.replace("6-", "-")
    if layer.host == "::":
        layer.options["ipv4"] = True
    elif layer.host == "::1":  # where it listens without bind=
        layer.host = ""


def finish(draft: Draft) -> None:
    """Put together what several options say of one thing."""
    settings: dict[str, Any] = draft.settings
    if draft.children and not settings.get("fork"):
        raise AddressError("option max-children is for fork: without it there is one connection")
    if draft.children and draft.outer.scheme.endswith("-listen"):  # who connects has one anyway
        draft.outer.options["max-connections"] = draft.children
    if draft.dual:
        take_both_families(draft.outer)
    if draft.terminal:
        settings["terminal"] = tuple(draft.terminal)
    if draft.outer.scheme == "file" and not settings.get("generic"):
        access = os.O_RDWR if draft.access is None else draft.access
        settings["open_flags"] = draft.flags | access
    elif draft.flags and draft.outer.scheme == "file":
        settings["open_flags"] = draft.flags | (draft.access or 0)
