"""Reports: each is written from the records of the result stream alone."""
