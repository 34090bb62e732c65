"""The faces of an open file: objects that keep the contracts of the io module."""
