"""One open in progress: from an address to a stream."""
