"""The exact Adagrad: formats, one step, correct rounding, enclosures, scenarios.

`algorithm` is the file to read first.  The package imports mpmath and NumPy; importing
it by name alone loads neither.
"""
