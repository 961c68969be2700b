"""The conformance suite for Adagrad: plays scenarios on a port and judges it.

Importing this package loads neither mpmath nor NumPy nor any framework.
"""

__version__ = "0.1.0"

__all__ = ["__version__"]
