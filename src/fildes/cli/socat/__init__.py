"""Addresses as socat spells them, read strictly."""
