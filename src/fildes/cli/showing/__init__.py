"""What relays and servers have done, shown: a live table, metrics, a line at a signal."""
