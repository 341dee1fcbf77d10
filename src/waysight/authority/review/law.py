"""What the law says about a review: whether it takes two officers, and when the right to a fine lapses."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

from waysight.adapters.kafka import latest_by_key
from waysight.authority.laws import laws_of
from waysight.codec import Codec
from waysight.domain.fines.facts import Law
from waysight.domain.fines.pricing import limitation_until
from waysight.messages import Violation
from waysight.settings import Settings


class ReviewLaw:
    """The packs as confirmed, asked about single violations."""

    def __init__(self, laws: Mapping[str, Law]) -> None:
        self._laws = laws

    @classmethod
    def current(cls, settings: Settings, codec: Codec) -> ReviewLaw:
        """The packs with every confirmation that was published."""
        return cls(laws_of(settings, latest_by_key(settings, codec, "confirmations").values()))

    def two_officers(self, violation: Violation) -> bool:
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

    def deadline_ms(self, violation: Violation, now_ms: int) -> int | None:
        """When the right to a fine lapses if it were issued now, UTC epoch ms; None where the pack does not say."""
        law = self._laws.get(violation.country)
        if law is None:
            return None
        last = limitation_until(law.pack, law.local_day(violation.occurred_ms), law.local_day(now_ms), None)
        if last is None:
            return None
        over = datetime.combine(last + timedelta(days=1), datetime.min.time(), ZoneInfo(law.pack.timezone))
        return int(over.astimezone(UTC).timestamp() * 1000)
