"""The scenario families, one file each, in the order of the vector files."""
