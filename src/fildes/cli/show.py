"""Draw the first picture in what an address holds, on the terminal.

PNG files are drawn as they are; JPEG, GIF and WebP need Pillow, which the extra view
brings: pip install 'fildes[view]'. fildes show png://2::ADDRESS draws another one.
"""

from __future__ import annotations

import errno
import io
import sys
import warnings
from typing import TYPE_CHECKING, Any

from fildes.cli.opening import open_for_reading, read_address
from fildes.cli.output import check_stdout, write_text
from fildes.cli.status import Status

if TYPE_CHECKING:
    from argparse import ArgumentParser, Namespace

    from PIL.Image import Image

    from fildes.cli.pixels import Picture, Pixel
    from fildes.extracting import Found

USAGE = "[OPTIONS] ADDRESS"
EXAMPLES = (
    ("fildes show https://example.com/", "the first picture in a page"),
    ("fildes show jpeg://2::./mail.eml", "the third photograph in a mail"),
)
TAKES_PROGRAM = False
OPENS = True

#: What Pillow may take a file for, by our names: never another kind than was found.
FORMATS = {"png": "PNG", "jpeg": "JPEG", "gif": "GIF", "webp": "WEBP"}

MAX_PIXELS = 64 << 20  # a quarter of a GiB of memory, and more than cameras have  # arbitrary


def add_arguments(parser: ArgumentParser) -> None:
    """Declare the arguments of this command."""
    parser.add_argument("address", metavar="ADDRESS", help="what to look into")


def run(arguments: Namespace) -> int:
    """Draw the picture."""
    from fildes.cli.pixels import CannotDraw

    address = read_address(arguments.address)
    check_stdout()
    with open_for_reading(address, arguments) as source:
        found = first_picture(source)
    try:
        write_text(drawn(found))
    except CannotDraw as error:
        raise OSError(errno.EOPNOTSUPP, f"cannot draw this picture: {error}") from None
    return Status.COMPLETE


def first_picture(source: Any) -> Found:
    """Return the first sound picture in *source*.

    Raises:
      FileNotFoundError: there is none.
      ProtocolError: all were corrupt or cut short.
    """
    from fildes.errors import add_context
    from fildes.extracting import MAX_SIZE, events_of, nothing_found, whole

    sizes: list[int] = []
    first: OSError | None = None
    for found in whole(events_of(source, sizes.append), MAX_SIZE):
        if found.error is None:
            return found
        first = first or found.error
    error = first or nothing_found(sum(sizes))
    add_context(error, "decode", source.address)
    raise error


def drawn(found: Found) -> str:
    """Return the picture as lines of text, in the colours that standard output shows."""
    from fildes.cli.picture import draw_picture
    from fildes.cli.terminal import colours_of, columns_of, speaks_utf8

    columns = columns_of(sys.stdout)
    colours = colours_of(sys.stdout) if speaks_utf8() else "none"
    return draw_picture(decode(found, columns), columns=columns, colours=colours)


def decode(found: Found, columns: int) -> Picture:
    """Return the pixels of *found*; of what Pillow reads, no more than are drawn.

    Raises:
      CannotDraw: it is too large, or damaged inside.
      OSError: it takes Pillow, which is not installed.
    """
    from fildes.cli.pixels import CannotDraw, decode

    try:
        if found.kind.name == "png":
            return decode(found.data)
    except CannotDraw:  # an interlaced or a large one: Pillow can
        pass
    try:
        from PIL import Image
    except ImportError:
        words = f"drawing this {found.kind.title} takes Pillow: pip install 'fildes[view]'"
        raise OSError(errno.EOPNOTSUPP, words) from None
    try:
        with warnings.catch_warnings(action="ignore"):  # of large pictures: see MAX_PIXELS
            image = Image.open(io.BytesIO(found.data), formats=[FORMATS[found.kind.name]])
        with image:
            return shrunk(image, columns)
    except (OSError, ValueError, SyntaxError, Image.DecompressionBombError) as error:
        raise CannotDraw(f"damaged inside: {error}") from None


def shrunk(image: Image, columns: int) -> Picture:
    """Return *image* in the size that it is drawn in."""
    from fildes.cli.picture import MAX_ROWS
    from fildes.cli.pixels import CannotDraw, Picture

    if image.width * image.height > MAX_PIXELS:
        raise CannotDraw(f"it is large, {image.width} x {image.height}")
    image.thumbnail((columns, MAX_ROWS * 2))
    width, height = image.size
    raw = image.convert("RGBA").tobytes()
    row = 4 * width
    rows = (
        [pixel_at(raw, at) for at in range(start, start + row, 4)]
        for start in range(0, row * height, row)
    )
    return Picture(width, height, rows)


def pixel_at(raw: bytes, offset: int) -> Pixel:
    red, green, blue, alpha = raw[offset : offset + 4]
    return red, green, blue, alpha
