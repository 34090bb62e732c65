"""Run the command as ``python -m fildes``."""

from fildes.cli import main

if __name__ == "__main__":
    raise SystemExit(main())
