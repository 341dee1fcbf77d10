"""The local stack: the real parts as supervised children."""
