"""What the suite demands: clauses of the document, and requirements traced to them."""
