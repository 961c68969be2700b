"""The exact Adagrad: formats, one step, correct rounding, enclosures, scenarios.

Start reading at `algorithm`.  This package imports mpmath and NumPy; importing it by
name alone loads neither.
"""
