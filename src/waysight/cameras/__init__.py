"""The camera file, its calibration, and how processors see it."""
