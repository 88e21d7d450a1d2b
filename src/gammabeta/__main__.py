"""``python -m gammabeta`` is the command ``gammabeta``."""

from gammabeta.cli import main

if __name__ == "__main__":
    main()
