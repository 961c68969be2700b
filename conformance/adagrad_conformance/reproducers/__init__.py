"""Makes a failure small and writes it as a script that ends in its fault.

May import `grading`, `execution`, `transport` and below.  Every value that enters a
script is a literal.
"""
