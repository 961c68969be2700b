"""What several adapters share: encodings, rows, ranks, and arrays of frameworks."""
