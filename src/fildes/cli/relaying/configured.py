"""Running and checking what a configuration file says."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from fildes.cli.relaying.checking import warnings_of
from fildes.cli.relaying.config import Config, ConfigError, read_config
from fildes.cli.reporting import say
from fildes.cli.status import Status

if TYPE_CHECKING:
    from argparse import Namespace
    from collections.abc import Sequence

    from fildes.cli.relaying.opening import Means
    from fildes.cli.relaying.plan import Plan
    from fildes.cli.relaying.taps import Wanted


def run_configured(arguments: Namespace, means: Means, wanted: Wanted) -> int:
    """Run the relays of a configuration file, or check it only."""
    from fildes.cli.relaying.running import run_plans

    path = Path(arguments.config)
    try:
        config = load(path)
    except ConfigError as error:
        for mistake in error.mistakes:
            say(f"{path}: {mistake}")
        return Status.USAGE
    except OSError as error:
        say(f"unable to read {path}: {error.strerror}")
        return Status.USAGE
    if arguments.check:
        return check(path, config)

    def again() -> Sequence[Plan]:
        return load(path).plans

    return run_plans(config.plans, means, wanted, arguments, config._replace(load=again))


def load(path: Path) -> Config:
    """Return what the file at *path* says.

    Raises:
      ConfigError: it has mistakes.
      OSError: it cannot be read.
    """
    try:
        text = path.read_text(encoding="utf-8")
    except UnicodeDecodeError:
        raise ConfigError.at(0, "it is not UTF-8, as TOML has to be") from None
    return read_config(text)


def check(path: Path, config: Config) -> int:
    """Say what would fail on this machine, or that all is well."""
    found = [f"relay.{plan.name}: {text}" for plan in config.plans for text in warnings_of(plan)]
    for text in found:
        say(f"{path}: {text}")
    if found:
        return Status.USAGE
    count = len(config.plans)
    say(f"{path}: {count} relay{'s' * (count != 1)}, nothing wrong")
    return Status.COMPLETE
