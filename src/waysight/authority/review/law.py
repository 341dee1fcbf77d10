"""What the law says about a review: whether it takes two officers, and when the right to a fine lapses."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Mapping
from datetime import date, datetime, time, timedelta
from functools import cache
from zoneinfo import ZoneInfo

from waysight.adapters.kafka import latest_by_key
from waysight.authority.laws import laws_of
from waysight.codec import Codec
from waysight.domain.fines.facts import Law
from waysight.domain.fines.pricing import limitation_until, prosecution_until
from waysight.domain.reviews.queue import DAY_MS, URGENT_DAYS, Candidate, Pressing
from waysight.messages import Violation
from waysight.settings import Settings

_LONGEST_DAYS = 3650  # nobody reviews what is older


class ReviewLaw:
    """The packs as confirmed, asked about single violations."""

    def __init__(self, laws: Mapping[str, Law]) -> None:
        self._laws = laws
        self._lapses_ms = cache(self._day_lapses_ms)

    @classmethod
    def current(cls, settings: Settings, codec: Codec) -> ReviewLaw:
        """The packs with every confirmation that was published."""
        return cls(laws_of(settings, latest_by_key(settings, codec, "confirmations").values()))

    def two_officers(self, violation: Violation | Candidate) -> bool:
        """Whether two different officers must accept it; so too where no pack covers the country."""
        law = self._laws.get(violation.country)
        return law is None or law.pack.two_officers(violation.offence, law.local_day(violation.occurred_ms))

    def offences_of_two(self, at_ms: int) -> tuple[str, ...]:
        """Which offences take two officers on the day of a UTC epoch ms, as ``country:offence``."""
        return tuple(
            f"{country}:{offence.offence}"
            for country, law in self._laws.items()
            for offence in law.pack.offences
            if law.pack.two_officers(offence.offence, law.local_day(at_ms))
        )

    def deadline_ms(self, violation: Violation | Candidate, now_ms: int) -> int | None:
        """When the right to a fine lapses if it were issued now, UTC epoch ms; None where the pack does not say."""
        law = self._laws.get(violation.country)
        if law is None:
            return None
        return self._lapses_ms(violation.country, law.local_day(violation.occurred_ms), law.local_day(now_ms))

    def pressing(self, now_ms: int) -> list[Pressing]:
        """What lapses within a week or has lapsed, by when it occurred; of the countries whose pack says when."""
        found = []
        for country, law in self._laws.items():
            today = law.local_day(now_ms)
            if self._lapses_ms(country, today, today) is None:
                continue
            edges = (
                bisect_left(
                    range(_LONGEST_DAYS),
                    True,
                    key=lambda n: (self._lapses_ms(country, today - timedelta(n), today) or 0) <= until_ms,
                )
                for until_ms in (now_ms, now_ms + URGENT_DAYS * DAY_MS)
            )
            zone = ZoneInfo(law.pack.timezone)
            found.append(Pressing(country, *(_begins_ms(today - timedelta(n - 1), zone) for n in edges)))
        return found

    def _day_lapses_ms(self, country: str, occurred_on: date, today: date) -> int | None:
        pack = self._laws[country].pack
        ends = (limitation_until(pack, occurred_on, today, None), prosecution_until(pack, occurred_on))
        last = min((day for day in ends if day is not None), default=None)
        return None if last is None else _begins_ms(last + timedelta(days=1), ZoneInfo(pack.timezone))


def _begins_ms(day: date, zone: ZoneInfo) -> int:
    return int(datetime.combine(day, time.min, zone).timestamp() * 1000)
