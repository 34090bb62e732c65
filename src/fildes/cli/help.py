"""Say how the addresses of a scheme are written, with all its options and examples.

Without a name: list the schemes. The name of a command shows its --help.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from fildes.cli.errors import UsageError
from fildes.cli.output import write_text
from fildes.cli.status import Status
from fildes.errors import AddressError
from fildes.opening import registry

if TYPE_CHECKING:
    from argparse import ArgumentParser, Namespace

    from fildes.scheme import Option, Scheme

USAGE = "[SCHEME | COMMAND]"
EXAMPLES = (
    ("fildes help", "all schemes, a line each"),
    ("fildes help tcp", "how a tcp address is written, and its options"),
)
TAKES_PROGRAM = False
OPENS = False

INTRODUCTION = """\
An address is scheme://authority/path?options. Layers are joined by ::, the outermost
first, each carried by the one to its right: png::https://host/page is the first PNG
file in that page. A path is an address when it begins with /, ./ or ../ . Also read:
host:80 and tcp!host!80.

"""

#: What stands to the right of a layer, in a sentence.
CARRIED = {
    "nothing": "",
    "transport": "Over tcp, or over the layer to the right of :: .\n",
    "listener": "At the port that it names, or at the place to the right of :: .\n",
    "bytes": "Needs a layer to the right of :: , which brings the bytes.\n",
}


def add_arguments(parser: ArgumentParser) -> None:
    """Declare the arguments of this command."""
    parser.add_argument(
        "name", nargs="?", metavar="SCHEME", help="the scheme or command to explain"
    )


def run(arguments: Namespace) -> int:
    """Show what there is to know about the name, or what names there are."""
    write_text(about(arguments.name) if arguments.name else about_all())
    return Status.COMPLETE


def about_all() -> str:
    """Return the schemes, a line each."""
    schemes = [registry.find_scheme(name) for name in registry.known()]
    width = max(len(scheme.name) for scheme in schemes)
    rows = "".join(f"  {scheme.name:{width}}  {scheme.summary}\n" for scheme in schemes)
    return f"{INTRODUCTION}{rows}\nfildes help SCHEME tells all about one of them.\n"


def about(name: str) -> str:
    """Return what there is to know about the scheme or command called *name*."""
    from fildes.cli.command import COMMANDS, find_command
    from fildes.cli.usage import make_parser

    if name in COMMANDS:
        return make_parser(name, find_command(name)).format_help()
    try:
        scheme = registry.find_scheme(name.partition(":")[0].lower())
    except AddressError as error:
        raise UsageError(str(error)) from None
    return about_scheme(scheme)


def about_scheme(scheme: Scheme) -> str:
    """Return all that *scheme* declares, as text."""
    lines = [f"{scheme.name}: {scheme.summary}\n\n  {grammar(scheme)}\n\n"]
    lines.append("A conversation: it is " if scheme.mode == "r+b" else "A document: it is ")
    lines.append("read and written.\n" if scheme.mode == "r+b" else "read.\n")
    if scheme.default_port:
        lines.append(f"Port {scheme.default_port} unless named.\n")
    lines.append(CARRIED[scheme.carried_by])
    if scheme.tunnels:
        lines.append("It carries the layer to its left, and is not opened alone.\n")
    if not scheme.confined:
        lines.append("Not under --untrusted.\n")
    return "".join(lines) + options(scheme) + examples(scheme)


def grammar(scheme: Scheme) -> str:
    """Return how an address of *scheme* is written."""
    shape = scheme.shape.value.replace("scheme:", f"{scheme.name}:")
    if not scheme.userinfo:
        shape = shape.replace("[user[:password]@]", "")
    return shape if scheme.default_port else shape.replace("[:port]", ":port")


def options(scheme: Scheme) -> str:
    """Return the options of *scheme*, two lines each."""
    if not scheme.options:
        return ""
    where = "in the address as ?name=value&..., " if has_query(scheme) else ""
    rows = "".join(
        f"  {option.name}={kind(option)}{default(option)}\n      {option.meaning}\n"
        for option in scheme.options
    )
    return f"\noptions ({where}or -O {scheme.name}.name=value):\n{rows}"


def has_query(scheme: Scheme) -> bool:
    """Tell whether the options stand in the address; a server owns a document's query."""
    from fildes.scheme import Shape

    return scheme.shape not in (Shape.RESOURCE, Shape.OPAQUE)


def kind(option: Option) -> str:
    """Return what a value of *option* looks like."""
    if option.choices:
        return "|".join(option.choices)
    return {"flag": "on|off", "list": "TEXT (repeatable)"}.get(option.type, option.type.upper())


def default(option: Option) -> str:
    """Return the default value of *option*, in brackets."""
    if option.default is None:
        return ""
    shown = option.default
    if isinstance(shown, bool):
        shown = "on" if shown else "off"
    return f"  [{shown}]"


def examples(scheme: Scheme) -> str:
    """Return the examples of *scheme*, for the shell and for Python."""
    verb = "cat" if scheme.mode == "rb" else "run"
    parts = ["\nexamples:\n"]
    parts += [f"  {each.address}\n      {each.meaning}\n" for each in scheme.examples]
    if scheme.examples and not scheme.tunnels:
        address = scheme.examples[0].address
        line = f"fildes cat '{address}'" if verb == "cat" else f"fildes run '{address}' -- PROGRAM"
        parts.append(f"\nshell:\n  {line}\n")
        parts.append(f'\nPython:\n  with fildes.open("{address}") as f:\n      print(f.read())\n')
    return "".join(parts)
