"""Base classes of adapters, and encodings: what several adapters have in common."""
