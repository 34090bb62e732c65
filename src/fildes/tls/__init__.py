"""TLS over any stream: the codec, the stream, and the contexts that say whom to trust."""
