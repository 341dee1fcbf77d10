-- A read is unique at its device: what two devices of a camera name alike at one moment are two reads. A sorting key cannot
-- get a column that is there already, so the table is made anew from itself; stop `store` while this runs.
CREATE OR REPLACE TABLE external_reads
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
ORDER BY (camera_id, captured_ms, device_id, read_id)
TTL toDateTime(greatest(captured_at, stored_at)) + INTERVAL 90 DAY DELETE
AS SELECT * FROM external_reads;
