"""Where published ports promise what their adapters claim: a table for each family."""
