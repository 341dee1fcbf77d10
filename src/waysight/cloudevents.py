"""CloudEvents 1.0 headers (Kafka protocol binding, binary mode) of the topics that others subscribe to."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from waysight.topics import topic

_ID_FIELD = {"violations": "violation_id", "fines": "fine_id", "alerts": "alert_id", "fine-events": "event_id",
             "referrals": "referral_id"}  # fmt: skip
_TIME_FIELD = {"violations": "occurred_ms", "fines": "issued_ms", "alerts": "raised_ms", "fine-events": "at_ms",
               "referrals": "referred_ms"}  # fmt: skip


def cloudevents_headers(topic_name: str, record: Any, source: str = "/waysight") -> dict[str, bytes]:
    """The headers of one record; empty where topics.yaml gives the topic no event type.

    `ce_id` is the record's own id and version, so that a replay carries the same one.
    """
    kind = topic(topic_name).cloudevents_type
    if not kind or record is None:
        return {}
    event_id = getattr(record, _ID_FIELD[topic_name])
    at = datetime.fromtimestamp(getattr(record, _TIME_FIELD[topic_name]) / 1000, UTC)
    text = {
        "ce_specversion": "1.0",
        "ce_type": kind,
        "ce_source": source,
        "ce_id": f"{event_id}/{getattr(record, 'version', 1)}",
        "ce_time": at.isoformat(timespec="milliseconds"),
        "content-type": "application/avro",
    }
    return {name: value.encode() for name, value in text.items()}
