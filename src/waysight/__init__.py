"""Waysight: camera feeds into lawful traffic enforcement and public-safety work."""
