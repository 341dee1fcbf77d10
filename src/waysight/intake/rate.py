"""How much one device may send: a bucket that fills by so many records a second."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass
class Bucket:
    """`per_s` records a second, at most `most` at once; time is an argument (s, monotonic)."""

    per_s: float
    most: float
    left: float = -1.0
    at_s: float = 0.0

    def wait_s(self, wanted: int, now_s: float) -> float:
        """0 after taking so many records; otherwise how long to wait (s), and nothing is taken."""
        full = self.left < 0
        self.left = self.most if full else min(self.most, self.left + (now_s - self.at_s) * self.per_s)
        self.at_s = now_s
        wanted_here = min(float(wanted), self.most)
        if self.left >= wanted_here:
            self.left -= wanted_here
            return 0.0
        return (wanted_here - self.left) / self.per_s
