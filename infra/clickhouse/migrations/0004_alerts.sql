-- A change of status is a row of a higher version. The order is the id alone, since every other column may change.
CREATE TABLE IF NOT EXISTS alerts
(
    alert_id String CODEC(ZSTD),
    kind LowCardinality(String),
    priority Int32,
    subject String CODEC(ZSTD),
    plate String CODEC(ZSTD),
    entry_id String CODEC(ZSTD),
    legal_basis LowCardinality(String),
    authority LowCardinality(String),
    case_number String CODEC(ZSTD),
    audience LowCardinality(String),
    exact Bool,
    distance Int32,
    camera_id LowCardinality(String),
    location LowCardinality(String),
    sighting_id String CODEC(ZSTD),
    occurred_ms Int64 CODEC(Delta, ZSTD),
    captured_ms Int64 CODEC(Delta, ZSTD),
    received_ms Int64 CODEC(Delta, ZSTD),
    raised_ms Int64 CODEC(Delta, ZSTD),
    plate_confidence Float32 CODEC(ZSTD),
    label LowCardinality(String),
    colour LowCardinality(String),
    evidence Tuple(captured_ms Int64, evidence_ref String, sha256 String, x1 Float32, y1 Float32, x2 Float32, y2 Float32, plate_x1 Float32, plate_y1 Float32, plate_x2 Float32, plate_y2 Float32, plate_text String, plate_confidence Float32) CODEC(ZSTD),
    status LowCardinality(String),
    status_by LowCardinality(String),
    status_reason LowCardinality(String),
    version UInt32,
    origin_partition Int32,
    origin_offset Int64 CODEC(Delta, ZSTD),
    ordinal Int32,
    occurred_at DateTime64(3, 'UTC') MATERIALIZED fromUnixTimestamp64Milli(occurred_ms, 'UTC'),
    captured_at DateTime64(3, 'UTC') ALIAS fromUnixTimestamp64Milli(captured_ms, 'UTC'),
    received_at DateTime64(3, 'UTC') ALIAS fromUnixTimestamp64Milli(received_ms, 'UTC'),
    raised_at DateTime64(3, 'UTC') ALIAS fromUnixTimestamp64Milli(raised_ms, 'UTC'),
    stored_at DateTime64(3, 'UTC') DEFAULT now64(3, 'UTC') CODEC(Delta, ZSTD),
    INDEX plate_exact plate TYPE bloom_filter(0.01) GRANULARITY 4,
    INDEX plate_part plate TYPE ngrambf_v1(3, 4096, 3, 0) GRANULARITY 4,
    INDEX time_range occurred_ms TYPE minmax GRANULARITY 1
)
ENGINE = ReplacingMergeTree(version)
PARTITION BY toYYYYMM(occurred_at)
ORDER BY (alert_id)
TTL toDateTime(greatest(occurred_at, stored_at)) + INTERVAL 1095 DAY DELETE;
