"""Stream processors: read, step, write."""
