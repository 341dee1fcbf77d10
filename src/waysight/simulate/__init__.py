"""The city simulator: seeded scenes, plates and their exact truth."""
