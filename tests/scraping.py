"""The metrics of a command, as a scraper of Prometheus reads them."""

from __future__ import annotations

import contextlib
import http.client
import re

from commands import LIMIT


class Metrics:
    """The metrics that *line* tells the place of."""

    def __init__(self, line: str) -> None:
        match = re.search(r"metrics at http://(\S+)/metrics", line)
        assert match, line
        self.place = match[1]

    def read(self) -> dict[str, float]:
        """Return the values of now, by name and labels."""
        samples = [line.rsplit(" ", 1) for line in self.text().splitlines() if line[0] != "#"]
        return {name: float(value) for name, value in samples}

    def text(self) -> str:
        """Return what is served now."""
        connection = http.client.HTTPConnection(self.place, timeout=LIMIT)
        with contextlib.closing(connection):
            connection.request("GET", "/metrics")
            return connection.getresponse().read().decode()
