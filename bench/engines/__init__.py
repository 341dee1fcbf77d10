"""The bench's job in each engine: match, enforce, count and store, one module per engine."""
