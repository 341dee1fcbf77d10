"""Models as parts: what is in force, what may take its place, and whether it fits."""
