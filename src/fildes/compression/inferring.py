"""Which compression the name of a document tells."""

from __future__ import annotations

from fildes.address import Address

#: Scheme by suffix; those of tar files in one word say the compression too.
SCHEMES = {
    ".gz": "gzip",
    ".tgz": "gzip",
    ".bz2": "bzip2",
    ".tbz2": "bzip2",
    ".xz": "xz",
    ".txz": "xz",
    ".zst": "zstd",
    ".tzst": "zstd",
    ".br": "br",
}


def check_compression(compression: str | None) -> None:
    """Raise ValueError unless *compression* is what `open` takes."""
    if compression not in (None, "infer"):
        raise ValueError("compression is 'infer' or None; to name one, write gzip::ADDRESS")


def infer(address: Address) -> Address:
    """Return *address* under the layer that its last name asks for, if it does.

    The data itself has the last word: what does not begin as its name promises is
    an error.
    """
    _, dot, suffix = address.path.rpartition("/")[2].rpartition(".")
    scheme = SCHEMES.get(f"{dot}{suffix.lower()}") if not address.opaque else None
    return Address(scheme, inner=address) if scheme else address
