"""Print what lets a shell complete commands, options, schemes and files.

For bash: eval "$(fildes completion bash)" in ~/.bashrc; for zsh likewise in ~/.zshrc;
for fish: fildes completion fish >~/.config/fish/completions/fildes.fish
"""

from __future__ import annotations

import shlex
from typing import TYPE_CHECKING

from fildes.cli.output import write_text
from fildes.cli.status import Status
from fildes.opening import registry

if TYPE_CHECKING:
    from argparse import Action, ArgumentParser, Namespace

USAGE = "bash|zsh|fish"
EXAMPLES = (('eval "$(fildes completion bash)"', "complete fildes commands in this shell"),)
TAKES_PROGRAM = False
OPENS = False

BASH = """\
_fildes() {{
  local word=${{COMP_WORDS[COMP_CWORD]}} command= each
  for each in "${{COMP_WORDS[@]:1:COMP_CWORD-1}}"; do
    [[ " {commands} " == *" $each "* ]] && command=$each && break
  done
  local words
  case $command in
    "") words="{commands} --help --version" ;;
    help) words="{names} {commands}" ;;
    completion) words="bash zsh fish" ;;
{options}  esac
  case $command in
    cat | get | ls | extract | show | run | relay | explain)
      [[ $word == -* ]] || words="{schemes}" ;;
  esac
  COMPREPLY=($(compgen -W "$words" -- "$word"))
  [[ ${{COMPREPLY[0]}} == *: || ${{COMPREPLY[0]}} == *:// ]] && compopt -o nospace
}}
complete -o default -F _fildes fildes
"""

ZSH = """\
#compdef fildes
_fildes() {{
  local -a commands schemes
  commands=({described})
  schemes=({schemes})
  local command=${{words[(r)({alternatives})]}}
  case $command in
    "") _describe command commands; compadd -- --help --version ;;
    help) compadd -- {names} {commands} ;;
    completion) compadd -- bash zsh fish ;;
{options}  esac
  case $command in
    cat | get | ls | extract | show | run | relay | explain) compadd -S "" -- $schemes; _files ;;
  esac
}}
if [ "$funcstack[1]" = _fildes ]; then _fildes "$@"; else compdef _fildes fildes; fi
"""


def add_arguments(parser: ArgumentParser) -> None:
    """Declare the arguments of this command."""
    parser.add_argument("shell", choices=("bash", "zsh", "fish"), help="which shell")


def run(arguments: Namespace) -> int:
    """Print the script for the shell."""
    write_text({"bash": for_bash, "zsh": for_zsh, "fish": for_fish}[arguments.shell]())
    return Status.COMPLETE


def actions() -> dict[str, list[Action]]:
    """Return the options of each command."""
    from fildes.cli.command import COMMANDS, find_command
    from fildes.cli.usage import make_parser

    return {
        name: [
            each for each in make_parser(name, find_command(name))._actions if each.option_strings
        ]
        for name in COMMANDS
    }


def openings() -> list[str]:
    """Return how the addresses of each scheme begin."""
    schemes = [registry.find_scheme(name) for name in registry.known()]
    return [f"{each.name}{'://' if '//' in each.shape.value else ':'}" for each in schemes]


def cases(add: str) -> str:
    """Return the arms of a case statement that *add* the options of each command."""
    arms = []
    for name, options in actions().items():
        words = " ".join(text for option in options for text in option.option_strings)
        arms.append(f"    {name}) {add.format(words)} ;;\n")
    return "".join(arm for arm in arms if not arm.startswith(("    help)", "    completion)")))


def for_bash() -> str:
    """Return the script that bash(1) evaluates."""
    from fildes.cli.command import COMMANDS

    return BASH.format(
        commands=" ".join(COMMANDS),
        names=" ".join(registry.known()),
        schemes=" ".join(openings()),
        options=cases('words="{}"'),
    )


def for_zsh() -> str:
    """Return the script that zsh(1) evaluates."""
    from fildes.cli.command import COMMANDS

    return ZSH.format(
        described=" ".join(shlex.quote(f"{name}:{text}") for name, text in COMMANDS.items()),
        alternatives="|".join(COMMANDS),
        commands=" ".join(COMMANDS),
        names=" ".join(registry.known()),
        schemes=" ".join(openings()),
        options=cases("compadd -- {}"),
    )


def for_fish() -> str:
    """Return the script that fish(1) evaluates."""
    from fildes.cli.command import COMMANDS

    none = "not __fish_seen_subcommand_from " + " ".join(COMMANDS)
    lines = [
        f"complete -c fildes -f -n '{none}' -a {name} -d {shlex.quote(text)}"
        for name, text in COMMANDS.items()
    ]
    opening = "__fish_seen_subcommand_from cat get ls extract show run relay explain"
    lines.append(f"complete -c fildes -n '{opening}' -a '{' '.join(openings())}'")
    names = " ".join([*registry.known(), *COMMANDS])
    lines.append(f"complete -c fildes -f -n '__fish_seen_subcommand_from help' -a '{names}'")
    shells = "-n '__fish_seen_subcommand_from completion' -a 'bash zsh fish'"
    lines.append(f"complete -c fildes -f {shells}")
    for name, options in actions().items():
        lines += [fish_option(name, option) for option in options]
    return "\n".join(lines) + "\n"


def fish_option(command: str, option: Action) -> str:
    """Return the line that completes one *option* of *command*."""
    texts = option.option_strings
    flags = [f"-l {each[2:]}" if each.startswith("--") else f"-s {each[1:]}" for each in texts]
    value = "" if option.nargs == 0 else " -r"
    when = f"-n '__fish_seen_subcommand_from {command}'"
    return f"complete -c fildes {when} {' '.join(flags)}{value} -d {shlex.quote(option.help or '')}"
