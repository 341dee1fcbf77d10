-- Breaches, officers' decisions on them, and fines. Money is Decimal, never a float.
CREATE TABLE IF NOT EXISTS violations
(
    violation_id String CODEC(ZSTD),
    offence LowCardinality(String),
    camera_id LowCardinality(String),
    section_id LowCardinality(String),
    zone_id LowCardinality(String),
    country LowCardinality(String),
    location LowCardinality(String),
    occurred_ms Int64 CODEC(Delta, ZSTD),
    plate String CODEC(ZSTD),
    plate_country LowCardinality(String),
    plate_confidence Float32 CODEC(ZSTD),
    label LowCardinality(String),
    colour LowCardinality(String),
    measured_kmh Nullable(Float64) CODEC(ZSTD),
    uncertainty_kmh Nullable(Float64) CODEC(ZSTD),
    enforced_kmh Nullable(Float64) CODEC(ZSTD),
    limit_kmh Nullable(Float64) CODEC(ZSTD),
    red_ms Nullable(Int64) CODEC(ZSTD),
    distance_m Nullable(Float64) CODEC(ZSTD),
    duration_ms Nullable(Int64) CODEC(ZSTD),
    enforceable Bool,
    obstacles Array(LowCardinality(String)) CODEC(ZSTD),
    certificate LowCardinality(String),
    sighting_ids Array(String) CODEC(ZSTD),
    evidence Array(Tuple(captured_ms Int64, evidence_ref String, sha256 String, x1 Float32, y1 Float32, x2 Float32, y2 Float32, plate_x1 Float32, plate_y1 Float32, plate_x2 Float32, plate_y2 Float32, plate_text String, plate_confidence Float32)) CODEC(ZSTD),
    rule_pack LowCardinality(String),
    models LowCardinality(String),
    origin_partition Int32,
    origin_offset Int64 CODEC(Delta, ZSTD),
    ordinal Int32,
    occurred_at DateTime64(3, 'UTC') MATERIALIZED fromUnixTimestamp64Milli(occurred_ms, 'UTC'),
    stored_at DateTime64(3, 'UTC') DEFAULT now64(3, 'UTC') CODEC(Delta, ZSTD),
    INDEX plate_exact plate TYPE bloom_filter(0.01) GRANULARITY 4,
    INDEX plate_part plate TYPE ngrambf_v1(3, 4096, 3, 0) GRANULARITY 4,
    INDEX time_range occurred_ms TYPE minmax GRANULARITY 1
)
ENGINE = ReplacingMergeTree
PARTITION BY toYYYYMM(occurred_at)
ORDER BY (camera_id, occurred_ms, violation_id)
TTL toDateTime(greatest(occurred_at, stored_at)) + INTERVAL 1095 DAY DELETE;

CREATE TABLE IF NOT EXISTS reviews
(
    review_id String CODEC(ZSTD),
    violation_id String CODEC(ZSTD),
    plate String CODEC(ZSTD),
    decision LowCardinality(String),
    reason LowCardinality(String),
    officer LowCardinality(String),
    reviewed_ms Int64 CODEC(Delta, ZSTD),
    evidence_sha256 String CODEC(ZSTD),
    reviewed_at DateTime64(3, 'UTC') MATERIALIZED fromUnixTimestamp64Milli(reviewed_ms, 'UTC'),
    stored_at DateTime64(3, 'UTC') DEFAULT now64(3, 'UTC') CODEC(Delta, ZSTD),
    INDEX plate_exact plate TYPE bloom_filter(0.01) GRANULARITY 4,
    INDEX plate_part plate TYPE ngrambf_v1(3, 4096, 3, 0) GRANULARITY 4,
    INDEX time_range reviewed_ms TYPE minmax GRANULARITY 1
)
ENGINE = ReplacingMergeTree
PARTITION BY toYYYYMM(reviewed_at)
ORDER BY (violation_id, review_id)
TTL toDateTime(greatest(reviewed_at, stored_at)) + INTERVAL 1095 DAY DELETE;

CREATE TABLE IF NOT EXISTS fines
(
    fine_id String CODEC(ZSTD),
    number String CODEC(ZSTD),
    violation_id String CODEC(ZSTD),
    offence LowCardinality(String),
    law LowCardinality(String),
    country LowCardinality(String),
    plate String CODEC(ZSTD),
    owner_id String CODEC(ZSTD),
    owner_name String CODEC(ZSTD),
    owner_address String CODEC(ZSTD),
    amount Decimal(14, 2),
    currency LowCardinality(String),
    units LowCardinality(String),
    discount_amount Decimal(14, 2),
    discount_until String CODEC(ZSTD),
    occurred_ms Int64 CODEC(Delta, ZSTD),
    issued_ms Int64 CODEC(Delta, ZSTD),
    measured_kmh Nullable(Float64) CODEC(ZSTD),
    enforced_kmh Nullable(Float64) CODEC(ZSTD),
    limit_kmh Nullable(Float64) CODEC(ZSTD),
    officer LowCardinality(String),
    status LowCardinality(String),
    paid Decimal(14, 2),
    rule_pack LowCardinality(String),
    caveats String CODEC(ZSTD),
    version UInt32,
    origin_partition Int32,
    origin_offset Int64 CODEC(Delta, ZSTD),
    ordinal Int32,
    occurred_at DateTime64(3, 'UTC') MATERIALIZED fromUnixTimestamp64Milli(occurred_ms, 'UTC'),
    issued_at DateTime64(3, 'UTC') ALIAS fromUnixTimestamp64Milli(issued_ms, 'UTC'),
    stored_at DateTime64(3, 'UTC') DEFAULT now64(3, 'UTC') CODEC(Delta, ZSTD),
    INDEX plate_exact plate TYPE bloom_filter(0.01) GRANULARITY 4,
    INDEX plate_part plate TYPE ngrambf_v1(3, 4096, 3, 0) GRANULARITY 4
)
ENGINE = ReplacingMergeTree(version)
PARTITION BY toYYYYMM(occurred_at)
ORDER BY (occurred_ms, fine_id)
TTL toDateTime(greatest(occurred_at, stored_at)) + INTERVAL 1825 DAY DELETE;
