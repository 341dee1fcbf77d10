"""A simulated month judged: the real processors live through it, and their exports are compared with its truth."""
