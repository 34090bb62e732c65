"""What docs/relay.md says of relays is what there is."""

from __future__ import annotations

import ast
import re
from pathlib import Path
from types import SimpleNamespace
from typing import TYPE_CHECKING, cast

from fildes.cli.relaying.config import SIDES
from fildes.cli.relaying.plan import KEYS
from fildes.cli.showing.counts import Counts
from fildes.cli.showing.metrics import metrics_of

if TYPE_CHECKING:
    from fildes.cli.showing.counts import View

ROOT = Path(__file__).parents[2]
TEXT = (ROOT / "docs" / "relay.md").read_text()
SOURCE = ROOT / "src" / "fildes" / "cli" / "relaying"


def table(heading: str) -> list[str]:
    """Return the first column of the table under *heading*."""
    section = TEXT.split(f"\n## {heading}\n")[1].split("\n## ")[0]
    return re.findall(r"^\| `([^`]+)` \|", section, re.MULTILINE)


def test_every_key_is_documented() -> None:
    """The table of the configuration has each key, and no other."""
    assert sorted(table("Configuration")) == sorted([*SIDES, *(key.name for key in KEYS)])


def test_every_event_is_documented() -> None:
    """The table of events has each event that is written, and no other."""
    calls = [
        node
        for path in SOURCE.glob("*.py")
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.Call) and ast.unparse(node.func).endswith(".event")
    ]
    written = {each.args[0].value for each in calls if isinstance(each.args[0], ast.Constant)}
    assert sorted(table("Events")) == sorted(map(str, written))


def test_every_metric_is_documented() -> None:
    """The table of metrics has each metric, and no other; those of a server differ as said."""
    assert table("Metrics") == served("relay")
    as_server = [name.replace("_relay_", "_serve_") for name in table("Metrics")]
    as_server.remove("fildes_serve_bytes_total")
    assert served("serve") == as_server


def served(kind: str) -> list[str]:
    """Return the names of the metrics of workers, in their order."""
    view = SimpleNamespace(
        kind=kind,
        started=0.0,
        names=[""],
        counts=lambda: {"": Counts()},
        open_by_worker=lambda: {0: 1},
    )
    return [metric.name for metric in metrics_of(cast("View", view))]
