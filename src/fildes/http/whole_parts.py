"""Parts of a document of which the whole was asked for first, to go on where it was cut."""

from __future__ import annotations

from typing import TYPE_CHECKING

from fildes.errors import ProtocolError
from fildes.http.parts import Parts
from fildes.http.planning import Rate
from fildes.http.validator import validator_of
from fildes.wire.content_range import ContentRange

if TYPE_CHECKING:
    from fildes.http.fetching import Answer, Fetch
    from fildes.http.planning import Window
    from fildes.http.request import Request
    from fildes.http.response import Response


class WholeParts(Parts):
    """Parts of a document of which the whole was asked for first.

    Attributes:
      size: None until an answer has told it, if the first one did not.
    """

    size: int | None  # type: ignore[assignment]  # of the others it is known from the first

    def __init__(
        self, fetch: Fetch, request: Request, response: Response, size: int | None
    ) -> None:
        self.fetch = fetch
        self.request = request
        self.size = size
        self.validator = validator_of(response.headers)
        self.rate = Rate()

    def checked(self, answer: Answer, window: Window) -> ContentRange:
        """Return the part that *answer* is, if it is said to be one of our version."""
        part = super().checked(answer, window)
        if not any(map(is_told, self.validator, validator_of(answer.response.headers))):
            raise ProtocolError("the server does not say of which version the rest is")
        if self.size is None:
            if part.total is None:
                raise ProtocolError("the server does not say how large the document is")
            self.size = part.total
        return part


def is_told(ours: str | None, theirs: str | None) -> bool:
    """Tell whether both answers have a validator of one kind."""
    return ours is not None and theirs is not None
