"""Relays of many connections at once, in one epoll(7) loop."""
