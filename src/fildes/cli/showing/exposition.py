"""Metrics in the text format that Prometheus reads.

https://prometheus.io/docs/instrumenting/exposition_formats/, version 0.0.4: for each
metric a HELP and a TYPE line, then a line for each combination of label values.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Literal, NamedTuple

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"

Labels = tuple[tuple[str, str], ...]


class Metric(NamedTuple):
    """One metric, with a value for each combination of labels.

    Attributes:
      kind: a counter only rises, a gauge does as it likes.
    """

    name: str
    kind: Literal["counter", "gauge"]
    meaning: str
    samples: Mapping[Labels, float]


def exposition(metrics: Iterable[Metric]) -> str:
    """Return all *metrics* as text; ends with a newline."""
    return "".join(lines_of(metric) for metric in metrics)


def lines_of(metric: Metric) -> str:
    """Return the lines of one metric."""
    head = f"# HELP {metric.name} {escaped(metric.meaning)}\n# TYPE {metric.name} {metric.kind}\n"
    samples = metric.samples.items()
    return head + "".join(
        f"{metric.name}{braced(labels)} {number(value)}\n" for labels, value in samples
    )


def braced(labels: Labels) -> str:
    """Return *labels* as they stand behind a name; nothing if there are none."""
    inside = ",".join(f'{name}="{escaped(value, quote=True)}"' for name, value in labels)
    return f"{{{inside}}}" if inside else ""


def escaped(text: str, *, quote: bool = False) -> str:
    """Return *text* as a help text, or with *quote* as a label value."""
    text = text.encode("utf-8", "backslashreplace").decode("utf-8")  # lone surrogates
    text = text.replace("\\", "\\\\").replace("\n", "\\n")
    return text.replace('"', '\\"') if quote else text


def number(value: float) -> str:
    """Return a sample's value; counts have no decimal point."""
    return str(int(value)) if value == int(value) else repr(value)
