"""The other side: places to listen at, accepting, and the listener that users hold."""
