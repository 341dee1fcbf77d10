"""Measuring the production code on public formats: plates, detection, tracking, speed, vehicles."""
