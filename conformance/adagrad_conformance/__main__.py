"""`python -m adagrad_conformance` is the command `adagrad-conformance`."""

from .cli.main import main

if __name__ == "__main__":
    main()
