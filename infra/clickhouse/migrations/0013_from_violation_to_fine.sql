-- What follows a violation: payments, what people do about fines, each transition, referrals; what devices of their own measured.

CREATE TABLE IF NOT EXISTS payments
(
    payment_id String CODEC(ZSTD),
    fine_number String CODEC(ZSTD),
    plate String CODEC(ZSTD),
    amount Decimal(14, 2),
    currency LowCardinality(String),
    paid_ms Int64 CODEC(Delta, ZSTD),
    channel LowCardinality(String),
    payer String CODEC(ZSTD),
    reference LowCardinality(String),
    paid_at DateTime64(3, 'UTC') MATERIALIZED fromUnixTimestamp64Milli(paid_ms, 'UTC'),
    stored_at DateTime64(3, 'UTC') DEFAULT now64(3, 'UTC') CODEC(Delta, ZSTD),
    INDEX plate_exact plate TYPE bloom_filter(0.01) GRANULARITY 4
)
ENGINE = ReplacingMergeTree
PARTITION BY toYYYYMM(paid_at)
ORDER BY (paid_ms, payment_id)
TTL toDateTime(greatest(paid_at, stored_at)) + INTERVAL 1825 DAY DELETE;

CREATE VIEW IF NOT EXISTS payments_current AS
SELECT *, paid_at
FROM payments FINAL;

CREATE TABLE IF NOT EXISTS fine_actions
(
    action_id String CODEC(ZSTD),
    fine_number String CODEC(ZSTD),
    plate String CODEC(ZSTD),
    kind LowCardinality(String),
    at_ms Int64 CODEC(Delta, ZSTD),
    by LowCardinality(String),
    reason LowCardinality(String),
    channel LowCardinality(String),
    proof String CODEC(ZSTD),
    person_id String CODEC(ZSTD),
    person_name String CODEC(ZSTD),
    person_address String CODEC(ZSTD),
    amount Nullable(Decimal(14, 2)),
    campaign LowCardinality(String),
    at DateTime64(3, 'UTC') MATERIALIZED fromUnixTimestamp64Milli(at_ms, 'UTC'),
    stored_at DateTime64(3, 'UTC') DEFAULT now64(3, 'UTC') CODEC(Delta, ZSTD),
    INDEX plate_exact plate TYPE bloom_filter(0.01) GRANULARITY 4
)
ENGINE = ReplacingMergeTree
PARTITION BY toYYYYMM(at)
ORDER BY (at_ms, action_id)
TTL toDateTime(greatest(at, stored_at)) + INTERVAL 1825 DAY DELETE;

CREATE VIEW IF NOT EXISTS fine_actions_current AS
SELECT *, at
FROM fine_actions FINAL;

CREATE TABLE IF NOT EXISTS fine_events
(
    event_id String CODEC(ZSTD),
    fine_id String CODEC(ZSTD),
    number String CODEC(ZSTD),
    violation_id String CODEC(ZSTD),
    country LowCardinality(String),
    plate String CODEC(ZSTD),
    version Int32,
    transition LowCardinality(String),
    at_ms Int64 CODEC(Delta, ZSTD),
    by LowCardinality(String),
    reason LowCardinality(String),
    action_id String CODEC(ZSTD),
    status LowCardinality(String),
    liable_id String CODEC(ZSTD),
    amount Decimal(14, 2),
    paid Decimal(14, 2),
    refund_due Decimal(14, 2),
    currency LowCardinality(String),
    origin_partition Int32,
    origin_offset Int64 CODEC(Delta, ZSTD),
    ordinal Int32,
    at DateTime64(3, 'UTC') MATERIALIZED fromUnixTimestamp64Milli(at_ms, 'UTC'),
    stored_at DateTime64(3, 'UTC') DEFAULT now64(3, 'UTC') CODEC(Delta, ZSTD),
    INDEX plate_exact plate TYPE bloom_filter(0.01) GRANULARITY 4
)
ENGINE = ReplacingMergeTree
PARTITION BY toYYYYMM(at)
ORDER BY (fine_id, event_id)
TTL toDateTime(greatest(at, stored_at)) + INTERVAL 1825 DAY DELETE;

CREATE VIEW IF NOT EXISTS fine_events_current AS
SELECT *, at
FROM fine_events FINAL;

CREATE TABLE IF NOT EXISTS referrals
(
    referral_id String CODEC(ZSTD),
    violation_id String CODEC(ZSTD),
    offence LowCardinality(String),
    law LowCardinality(String),
    country LowCardinality(String),
    plate String CODEC(ZSTD),
    owner_id String CODEC(ZSTD),
    owner_name String CODEC(ZSTD),
    owner_address String CODEC(ZSTD),
    refer_to LowCardinality(String),
    consequence String CODEC(ZSTD),
    occurred_ms Int64 CODEC(Delta, ZSTD),
    referred_ms Int64 CODEC(Delta, ZSTD),
    officer LowCardinality(String),
    enforced_kmh Nullable(Float64) CODEC(ZSTD),
    limit_kmh Nullable(Float64) CODEC(ZSTD),
    rule_pack LowCardinality(String),
    caveats String CODEC(ZSTD),
    withdrawn Bool,
    version UInt32,
    origin_partition Int32,
    origin_offset Int64 CODEC(Delta, ZSTD),
    ordinal Int32,
    occurred_at DateTime64(3, 'UTC') MATERIALIZED fromUnixTimestamp64Milli(occurred_ms, 'UTC'),
    referred_at DateTime64(3, 'UTC') ALIAS fromUnixTimestamp64Milli(referred_ms, 'UTC'),
    stored_at DateTime64(3, 'UTC') DEFAULT now64(3, 'UTC') CODEC(Delta, ZSTD),
    INDEX plate_exact plate TYPE bloom_filter(0.01) GRANULARITY 4
)
ENGINE = ReplacingMergeTree(version)
PARTITION BY toYYYYMM(occurred_at)
ORDER BY (occurred_ms, referral_id)
TTL toDateTime(greatest(occurred_at, stored_at)) + INTERVAL 1825 DAY DELETE;

CREATE VIEW IF NOT EXISTS referrals_current AS
SELECT *, occurred_at, referred_at
FROM referrals FINAL;

CREATE TABLE IF NOT EXISTS external_reads
(
    read_id String CODEC(ZSTD),
    device_id LowCardinality(String),
    device_kind LowCardinality(String),
    camera_id LowCardinality(String),
    captured_ms Int64 CODEC(Delta, ZSTD),
    clock_error_ms Int32,
    lane LowCardinality(String),
    plate String CODEC(ZSTD),
    plate_country LowCardinality(String),
    plate_confidence Float32 CODEC(ZSTD),
    label LowCardinality(String),
    colour LowCardinality(String),
    speed_kmh Nullable(Float64) CODEC(ZSTD),
    speed_error_kmh Nullable(Float64) CODEC(ZSTD),
    length_m Nullable(Float64) CODEC(ZSTD),
    certificate LowCardinality(String),
    certified_until_ms Nullable(Int64) CODEC(ZSTD),
    evidence Array(Tuple(captured_ms Int64, evidence_ref String, sha256 String, x1 Float32, y1 Float32, x2 Float32, y2 Float32, plate_x1 Float32, plate_y1 Float32, plate_x2 Float32, plate_y2 Float32, plate_text String, plate_confidence Float32)) CODEC(ZSTD),
    received_ms Int64 CODEC(Delta, ZSTD),
    captured_at DateTime64(3, 'UTC') MATERIALIZED fromUnixTimestamp64Milli(captured_ms, 'UTC'),
    received_at DateTime64(3, 'UTC') ALIAS fromUnixTimestamp64Milli(received_ms, 'UTC'),
    stored_at DateTime64(3, 'UTC') DEFAULT now64(3, 'UTC') CODEC(Delta, ZSTD),
    INDEX plate_exact plate TYPE bloom_filter(0.01) GRANULARITY 4
)
ENGINE = ReplacingMergeTree
PARTITION BY toYYYYMM(captured_at)
ORDER BY (camera_id, captured_ms, read_id)
TTL toDateTime(greatest(captured_at, stored_at)) + INTERVAL 90 DAY DELETE;

CREATE VIEW IF NOT EXISTS external_reads_current AS
SELECT *, captured_at, received_at
FROM external_reads FINAL;

CREATE TABLE IF NOT EXISTS clock_checks
(
    check_id String CODEC(ZSTD),
    camera_id LowCardinality(String),
    checked_ms Int64 CODEC(Delta, ZSTD),
    offset_ms Float64 CODEC(ZSTD),
    error_ms Float64 CODEC(ZSTD),
    reference LowCardinality(String),
    by LowCardinality(String),
    checked_at DateTime64(3, 'UTC') MATERIALIZED fromUnixTimestamp64Milli(checked_ms, 'UTC'),
    stored_at DateTime64(3, 'UTC') DEFAULT now64(3, 'UTC') CODEC(Delta, ZSTD)
)
ENGINE = ReplacingMergeTree
PARTITION BY toYYYYMM(checked_at)
ORDER BY (camera_id, checked_ms, check_id)
TTL toDateTime(greatest(checked_at, stored_at)) + INTERVAL 1825 DAY DELETE;

CREATE VIEW IF NOT EXISTS clock_checks_current AS
SELECT *, checked_at
FROM clock_checks FINAL;

CREATE TABLE IF NOT EXISTS statistics
(
    statistic_id String CODEC(ZSTD),
    source LowCardinality(String),
    place LowCardinality(String),
    category LowCardinality(String),
    from_ms Int64 CODEC(Delta, ZSTD),
    until_ms Int64 CODEC(Delta, ZSTD),
    value Float64 CODEC(ZSTD),
    imported_ms Int64 CODEC(Delta, ZSTD),
    from_at DateTime64(3, 'UTC') MATERIALIZED fromUnixTimestamp64Milli(from_ms, 'UTC'),
    until_at DateTime64(3, 'UTC') ALIAS fromUnixTimestamp64Milli(until_ms, 'UTC'),
    imported_at DateTime64(3, 'UTC') ALIAS fromUnixTimestamp64Milli(imported_ms, 'UTC'),
    stored_at DateTime64(3, 'UTC') DEFAULT now64(3, 'UTC') CODEC(Delta, ZSTD)
)
ENGINE = ReplacingMergeTree
PARTITION BY toYYYYMM(from_at)
ORDER BY (place, category, from_ms, statistic_id)
TTL toDateTime(greatest(from_at, stored_at)) + INTERVAL 3650 DAY DELETE;

CREATE VIEW IF NOT EXISTS statistics_current AS
SELECT *, from_at, until_at, imported_at
FROM statistics FINAL;

-- New fields of what was there.

ALTER TABLE violations ADD COLUMN IF NOT EXISTS tolerance_kmh Nullable(Float64) CODEC(ZSTD) AFTER duration_ms;

ALTER TABLE violations ADD COLUMN IF NOT EXISTS line_id String CODEC(ZSTD) AFTER tolerance_kmh;

ALTER TABLE violations ADD COLUMN IF NOT EXISTS dwell_ms Nullable(Int64) CODEC(ZSTD) AFTER line_id;

ALTER TABLE violations ADD COLUMN IF NOT EXISTS source LowCardinality(String) AFTER dwell_ms;

ALTER TABLE violations ADD COLUMN IF NOT EXISTS exemption String CODEC(ZSTD) AFTER source;

ALTER TABLE violations ADD COLUMN IF NOT EXISTS corrects String CODEC(ZSTD) AFTER exemption;

ALTER TABLE violations ADD COLUMN IF NOT EXISTS read_plate String CODEC(ZSTD) AFTER corrects;

ALTER TABLE violations ADD COLUMN IF NOT EXISTS corrected_by String CODEC(ZSTD) AFTER read_plate;

DROP VIEW IF EXISTS violations_current;

CREATE VIEW IF NOT EXISTS violations_current AS
SELECT *, occurred_at
FROM violations FINAL;

ALTER TABLE reviews ADD COLUMN IF NOT EXISTS stage String CODEC(ZSTD) AFTER evidence_sha256;

ALTER TABLE reviews ADD COLUMN IF NOT EXISTS original_plate String CODEC(ZSTD) AFTER stage;

ALTER TABLE reviews ADD COLUMN IF NOT EXISTS corrected_plate String CODEC(ZSTD) AFTER original_plate;

ALTER TABLE reviews ADD COLUMN IF NOT EXISTS conflicts Array(LowCardinality(String)) CODEC(ZSTD) AFTER corrected_plate;

ALTER TABLE reviews ADD COLUMN IF NOT EXISTS bulk Bool AFTER conflicts;

ALTER TABLE reviews ADD COLUMN IF NOT EXISTS note String CODEC(ZSTD) AFTER bulk;

DROP VIEW IF EXISTS reviews_current;

CREATE VIEW IF NOT EXISTS reviews_current AS
SELECT *, reviewed_at
FROM reviews FINAL;

ALTER TABLE fines ADD COLUMN IF NOT EXISTS series String CODEC(ZSTD) AFTER repeat_of;

ALTER TABLE fines ADD COLUMN IF NOT EXISTS serial Int64 CODEC(Delta, ZSTD) AFTER series;

ALTER TABLE fines ADD COLUMN IF NOT EXISTS transition LowCardinality(String) AFTER serial;

ALTER TABLE fines ADD COLUMN IF NOT EXISTS changed_ms Int64 CODEC(Delta, ZSTD) AFTER transition;

ALTER TABLE fines ADD COLUMN IF NOT EXISTS second_officer String CODEC(ZSTD) AFTER changed_ms;

ALTER TABLE fines ADD COLUMN IF NOT EXISTS liable_id String CODEC(ZSTD) AFTER second_officer;

ALTER TABLE fines ADD COLUMN IF NOT EXISTS liable_name String CODEC(ZSTD) AFTER liable_id;

ALTER TABLE fines ADD COLUMN IF NOT EXISTS liable_address String CODEC(ZSTD) AFTER liable_name;

ALTER TABLE fines ADD COLUMN IF NOT EXISTS served_ms Nullable(Int64) CODEC(ZSTD) AFTER liable_address;

ALTER TABLE fines ADD COLUMN IF NOT EXISTS appeal_until String CODEC(ZSTD) AFTER served_ms;

ALTER TABLE fines ADD COLUMN IF NOT EXISTS limitation_until String CODEC(ZSTD) AFTER appeal_until;

ALTER TABLE fines ADD COLUMN IF NOT EXISTS appeal String CODEC(ZSTD) AFTER limitation_until;

ALTER TABLE fines ADD COLUMN IF NOT EXISTS points Int32 AFTER appeal;

ALTER TABLE fines ADD COLUMN IF NOT EXISTS refund_due Nullable(Decimal(14, 2)) AFTER points;

ALTER TABLE fines ADD COLUMN IF NOT EXISTS reminders Int32 AFTER refund_due;

DROP VIEW IF EXISTS fines_current;

CREATE VIEW IF NOT EXISTS fines_current AS
SELECT *, occurred_at, issued_at
FROM fines FINAL;
