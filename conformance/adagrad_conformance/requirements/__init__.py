"""What the suite demands: clauses of the document, and requirements traced to them.

Data alone: imports nothing of the suite, and computes nothing.
"""
