-- Event-time windows; a correction is a row of a higher version.
CREATE TABLE IF NOT EXISTS counts
(
    count_id String CODEC(ZSTD),
    measure LowCardinality(String),
    camera_id LowCardinality(String),
    category LowCardinality(String),
    window_start_ms Int64 CODEC(Delta, ZSTD),
    window_ms Int64 CODEC(Delta, ZSTD),
    value Int64,
    version UInt32,
    closed Bool,
    origin_partition Int32,
    origin_offset Int64 CODEC(Delta, ZSTD),
    ordinal Int32,
    window_start_at DateTime64(3, 'UTC') MATERIALIZED fromUnixTimestamp64Milli(window_start_ms, 'UTC'),
    stored_at DateTime64(3, 'UTC') DEFAULT now64(3, 'UTC') CODEC(Delta, ZSTD),
    INDEX time_range window_start_ms TYPE minmax GRANULARITY 1
)
ENGINE = ReplacingMergeTree(version)
PARTITION BY toYYYYMM(window_start_at)
ORDER BY (measure, camera_id, category, window_start_ms, count_id)
TTL toDateTime(greatest(window_start_at, stored_at)) + INTERVAL 3650 DAY DELETE;
