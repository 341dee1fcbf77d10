"""The demonstration city, from rendering to its summary."""
