"""Adapters of published packages, one file each; each imports its package when run."""
