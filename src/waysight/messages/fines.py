"""Records of fines; made from schemas/*.avsc by tools/generate_messages.py, not by hand."""

from dataclasses import dataclass
from decimal import Decimal
from typing import Literal


@dataclass(frozen=True, slots=True, kw_only=True)
class Review:
    """An officer's decision on a violation. Key: the violation's key."""

    review_id: str
    violation_id: str
    plate: str
    decision: Literal["accepted", "rejected", "returned"]
    reason: str
    officer: str
    reviewed_ms: int
    evidence_sha256: str
    stage: str = "first"
    original_plate: str = ""
    corrected_plate: str = ""
    conflicts: tuple[str, ...] = ()
    bulk: bool = False
    note: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class ReviewLock:
    """An officer takes or gives back a violation for review. Key: violation_id. In the order of the log the first that is not over holds."""

    lock_id: str
    violation_id: str
    officer: str
    taken_ms: int
    until_ms: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Fine:
    """A fine. Key: plate. CloudEvents type kz.waysight.fine."""

    fine_id: str
    number: str
    violation_id: str
    offence: str
    law: str
    country: str
    plate: str
    owner_id: str
    owner_name: str
    owner_address: str
    amount: Decimal
    currency: str
    units: str
    discount_amount: Decimal
    discount_until: str
    occurred_ms: int
    issued_ms: int
    measured_kmh: float | None = None
    enforced_kmh: float | None = None
    limit_kmh: float | None = None
    officer: str
    status: Literal["issued", "paid", "cancelled", "suspended", "written_off"]
    paid: Decimal
    rule_pack: str
    caveats: str = ""
    repeat_of: str = ""
    series: str = ""
    serial: int = 0
    transition: str = "issued"
    changed_ms: int = 0
    second_officer: str = ""
    liable_id: str = ""
    liable_name: str = ""
    liable_address: str = ""
    served_ms: int | None = None
    appeal_until: str = ""
    limitation_until: str = ""
    appeal: str = ""
    points: int = 0
    refund_due: Decimal | None = None
    reminders: int = 0
    version: int
    origin_partition: int
    origin_offset: int
    ordinal: int


@dataclass(frozen=True, slots=True, kw_only=True)
class FineAction:
    """Something people or other systems did about a fine; the fine processor applies it once. Key: plate."""

    action_id: str
    fine_number: str
    plate: str
    kind: Literal[
        "served",
        "service_failed",
        "owner_changed",
        "nominated",
        "nomination_confirmed",
        "nomination_rejected",
        "appealed",
        "appeal_upheld",
        "appeal_dismissed",
        "suspended",
        "resumed",
        "cancelled",
        "refunded",
        "reminded",
        "written_off",
    ]
    at_ms: int
    by: str
    reason: str = ""
    channel: str = ""
    proof: str = ""
    person_id: str = ""
    person_name: str = ""
    person_address: str = ""
    amount: Decimal | None = None
    campaign: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class FineEvent:
    """A transition of a fine, with the state after it. Key: plate. CloudEvents type kz.waysight.fine-event."""

    event_id: str
    fine_id: str
    number: str
    violation_id: str
    country: str
    plate: str
    version: int
    transition: str
    at_ms: int
    by: str = ""
    reason: str = ""
    action_id: str = ""
    status: str
    liable_id: str = ""
    amount: Decimal
    paid: Decimal
    refund_due: Decimal
    currency: str
    origin_partition: int
    origin_offset: int
    ordinal: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Referral:
    """An accepted violation that the law does not answer with a fine (a court, loss of licence). Key: plate. CloudEvents type kz.waysight.referral."""

    referral_id: str
    violation_id: str
    offence: str
    law: str
    country: str
    plate: str
    owner_id: str
    owner_name: str
    owner_address: str
    refer_to: str
    consequence: str
    occurred_ms: int
    referred_ms: int
    officer: str
    enforced_kmh: float | None = None
    limit_kmh: float | None = None
    rule_pack: str
    caveats: str = ""
    withdrawn: bool = False
    version: int
    origin_partition: int
    origin_offset: int
    ordinal: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Payment:
    """A payment for a fine. Key: plate."""

    payment_id: str
    fine_number: str
    plate: str
    amount: Decimal
    currency: str
    paid_ms: int
    channel: str = ""
    payer: str = ""
    reference: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Penalty:
    """That a fine stands against a person, which may make an offence a repeated one. Key: person on penalties, plate on plate-penalties."""

    person: str
    fine_id: str
    violation_id: str
    plate: str
    law: str
    imposed_ms: int
    ended_ms: int | None = None
    version: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Confirmation:
    """A named person confirms an unsure value of a rule pack against the official text. Compacted; key: confirmation_id."""

    confirmation_id: str
    pack: str
    path: str
    value: str
    by: str
    role: str
    source: str
    confirmed_ms: int
    revoked: bool = False
