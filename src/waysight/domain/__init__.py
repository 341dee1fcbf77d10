"""Pure logic: standard library and numpy only, no clock, files, randomness or logging."""
