"""Parts of a document of which the whole was asked for first."""

from __future__ import annotations

from typing import TYPE_CHECKING

from fildes.http.parts import Parts
from fildes.http.planning import Rate
from fildes.http.validator import validator_of
from fildes.wire.content_range import ContentRange

if TYPE_CHECKING:
    from fildes.http.fetching import Fetch
    from fildes.http.request import Request
    from fildes.http.response import Response


class WholeParts(Parts):
    """Parts of a document of which the whole was asked for first."""

    def __init__(self, fetch: Fetch, request: Request, response: Response, size: int) -> None:
        self.fetch = fetch
        self.request = request
        self.first = ContentRange(0, size, size)
        self.size = size
        self.validator = validator_of(response.headers)
        self.rate = Rate()
