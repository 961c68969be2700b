"""Records of published ports: their streams, their scripts, and their faults."""
