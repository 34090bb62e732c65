"""Streams: the contract of everything opened, and those that no scheme owns."""
