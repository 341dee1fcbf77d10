-- Sums of counts per camera, road and district, by hour and sliding; a higher version replaces a lower one.
CREATE TABLE IF NOT EXISTS rollups
(
    rollup_id String CODEC(ZSTD),
    measure LowCardinality(String),
    scope LowCardinality(String),
    place LowCardinality(String),
    category LowCardinality(String),
    window_start_ms Int64 CODEC(Delta, ZSTD),
    window_ms Int64 CODEC(Delta, ZSTD),
    step_ms Int64 CODEC(Delta, ZSTD),
    value Int64,
    cameras Array(LowCardinality(String)) CODEC(ZSTD),
    version UInt32,
    origin_partition Int32,
    origin_offset Int64 CODEC(Delta, ZSTD),
    ordinal Int32,
    window_start_at DateTime64(3, 'UTC') MATERIALIZED fromUnixTimestamp64Milli(window_start_ms, 'UTC'),
    stored_at DateTime64(3, 'UTC') DEFAULT now64(3, 'UTC') CODEC(Delta, ZSTD),
    INDEX time_range window_start_ms TYPE minmax GRANULARITY 1
)
ENGINE = ReplacingMergeTree(version)
PARTITION BY toYYYYMM(window_start_at)
ORDER BY (measure, scope, place, category, window_ms, window_start_ms, rollup_id)
TTL toDateTime(greatest(window_start_at, stored_at)) + INTERVAL 3650 DAY DELETE;

CREATE VIEW IF NOT EXISTS rollups_current AS
SELECT *, window_start_at
FROM rollups FINAL;
