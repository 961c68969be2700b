"""`python -m adagrad_conformance` is the command `adagrad-conformance`."""

import os

from .search_path import search_last

if __name__ == "__main__":
    search_last(os.getcwd())  # before anything else is imported: see search_path.py
    from .cli.main import main

    main()
