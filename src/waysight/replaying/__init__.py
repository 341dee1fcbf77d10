"""Retained input through the processors again, beside what they stored the first time."""
