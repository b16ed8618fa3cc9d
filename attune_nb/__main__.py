"""`python -m attune_nb` is the command line."""

from __future__ import annotations

from attune_nb.cli import main

if __name__ == "__main__":
    main()
