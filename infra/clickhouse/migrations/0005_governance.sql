-- Who looked, what cameras reported, and what could not be used. Two audit rows of one sequence are both kept: a fork must be seen.
CREATE TABLE IF NOT EXISTS audit
(
    chain LowCardinality(String),
    sequence Int64 CODEC(Delta, ZSTD),
    at_ms Int64 CODEC(Delta, ZSTD),
    actor LowCardinality(String),
    action LowCardinality(String),
    purpose String CODEC(ZSTD),
    case_number String CODEC(ZSTD),
    detail String CODEC(ZSTD),
    rows Int64,
    previous String CODEC(ZSTD),
    hash String CODEC(ZSTD),
    at DateTime64(3, 'UTC') MATERIALIZED fromUnixTimestamp64Milli(at_ms, 'UTC'),
    stored_at DateTime64(3, 'UTC') DEFAULT now64(3, 'UTC') CODEC(Delta, ZSTD),
    INDEX time_range at_ms TYPE minmax GRANULARITY 1
)
ENGINE = ReplacingMergeTree
PARTITION BY toYYYYMM(at)
ORDER BY (chain, sequence, hash)
TTL toDateTime(greatest(at, stored_at)) + INTERVAL 3650 DAY DELETE;

CREATE TABLE IF NOT EXISTS camera_health
(
    camera_id LowCardinality(String),
    epoch LowCardinality(String),
    state LowCardinality(String),
    detail String CODEC(ZSTD),
    at_ms Int64 CODEC(Delta, ZSTD),
    frames_sent Int64,
    frames_dropped Int64,
    at DateTime64(3, 'UTC') MATERIALIZED fromUnixTimestamp64Milli(at_ms, 'UTC'),
    stored_at DateTime64(3, 'UTC') DEFAULT now64(3, 'UTC') CODEC(Delta, ZSTD),
    INDEX time_range at_ms TYPE minmax GRANULARITY 1
)
ENGINE = ReplacingMergeTree
PARTITION BY toYYYYMM(at)
ORDER BY (camera_id, at_ms, epoch, state)
TTL toDateTime(greatest(at, stored_at)) + INTERVAL 90 DAY DELETE;

CREATE TABLE IF NOT EXISTS dead_letters
(
    topic LowCardinality(String),
    partition Int32,
    offset Int64 CODEC(Delta, ZSTD),
    key Nullable(String) CODEC(ZSTD),
    payload String CODEC(ZSTD),
    payload_bytes Int64,
    reason LowCardinality(String),
    processor LowCardinality(String),
    at_ms Int64 CODEC(Delta, ZSTD),
    at DateTime64(3, 'UTC') MATERIALIZED fromUnixTimestamp64Milli(at_ms, 'UTC'),
    stored_at DateTime64(3, 'UTC') DEFAULT now64(3, 'UTC') CODEC(Delta, ZSTD),
    INDEX time_range at_ms TYPE minmax GRANULARITY 1
)
ENGINE = ReplacingMergeTree
PARTITION BY toYYYYMM(at)
ORDER BY (topic, partition, offset, processor)
TTL toDateTime(greatest(at, stored_at)) + INTERVAL 30 DAY DELETE;
