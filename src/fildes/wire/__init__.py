"""Pure codecs: bytes in, values out, no I/O."""
