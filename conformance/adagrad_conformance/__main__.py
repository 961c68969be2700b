"""`python -m adagrad_conformance` is the command `adagrad-conformance`."""

from adagrad_conformance.cli import main

if __name__ == "__main__":
    main()
