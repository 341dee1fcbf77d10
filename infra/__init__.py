"""Deployment as data."""
