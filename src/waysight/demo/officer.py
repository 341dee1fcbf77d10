"""The demo's reviewing officer: looks at the evidence of each violation, never at the truth, and decides."""

from __future__ import annotations

import time
from collections.abc import Callable

from waysight.adapters.audit import AuditLog
from waysight.adapters.clickhouse import ClickHouse
from waysight.adapters.evidence import EvidenceStore
from waysight.adapters.kafka import Publisher
from waysight.authority.review.examination import load_frames, review_violation
from waysight.codec import Codec
from waysight.messages import Review
from waysight.settings import Settings
from waysight.storage.review_queue import waiting_violations

OFFICER = "demo-officer"
PURPOSE, CASE = "review of violations in the demonstration", "DEMO-1"


def review_all(
    settings: Settings, clickhouse: ClickHouse, codec: Codec, say: Callable[[str], None]
) -> list[Review]:
    """Decide on every violation that waits, one line each; the decisions go to `reviews` and the audit log."""
    store, log, publisher = (
        EvidenceStore(settings.evidence),
        AuditLog(settings, codec),
        Publisher(settings, codec),
    )
    waiting = waiting_violations(clickhouse, 10_000, True)
    log.record("review.list", PURPOSE, CASE, {"limit": 10_000}, len(waiting), OFFICER)
    reviews = []
    for violation in waiting:
        review = review_violation(
            violation, OFFICER, load_frames(violation, store), time.time_ns() // 1_000_000
        )
        detail = {
            "violation_id": violation.violation_id,
            "review_id": review.review_id,
            "reason": review.reason,
        }
        log.record(f"review.{review.decision}", PURPOSE, CASE, detail, actor=OFFICER)
        publisher.publish("reviews", review.plate, review)
        measured = f" {violation.enforced_kmh:.1f} km/h" if violation.enforced_kmh is not None else ""
        say(
            f"{OFFICER}: {violation.offence} {violation.plate}{measured} → {review.decision} {review.reason}".rstrip()
        )
        reviews.append(review)
    publisher.flush()
    return reviews
