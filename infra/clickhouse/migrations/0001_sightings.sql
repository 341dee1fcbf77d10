-- One row per pass of an object before a camera; a higher revision replaces a lower one.
-- Retention counts from when the system got the picture: old footage that is played in is kept as long as new.
-- Elsewhere it counts from the event or from the writing of the row, whichever is later, so that a wrong clock loses nothing.
CREATE TABLE IF NOT EXISTS sightings
(
    sighting_id String CODEC(ZSTD),
    revision UInt32,
    final Bool,
    camera_id LowCardinality(String),
    epoch LowCardinality(String),
    label LowCardinality(String),
    label_confidence Float32 CODEC(ZSTD),
    first_ms Int64 CODEC(Delta, ZSTD),
    last_ms Int64 CODEC(Delta, ZSTD),
    clock_error_ms Int32,
    frames Int32,
    plate String CODEC(ZSTD),
    plate_country LowCardinality(String),
    plate_confidence Float32 CODEC(ZSTD),
    plate_confidences Array(Float32) CODEC(ZSTD),
    plate_candidates Array(Tuple(text String, confidence Float32)) CODEC(ZSTD),
    plate_votes Int32,
    colour LowCardinality(String),
    colour_confidence Float32 CODEC(ZSTD),
    speed_kmh Nullable(Float32) CODEC(ZSTD),
    speed_error_kmh Nullable(Float32) CODEC(ZSTD),
    path Array(Tuple(captured_ms Int64, x_m Float32, y_m Float32, x_px Float32, y_px Float32)) CODEC(ZSTD),
    zones Array(LowCardinality(String)) CODEC(ZSTD),
    dwell_ms Int64 CODEC(Delta, ZSTD),
    best_frame Tuple(captured_ms Int64, evidence_ref String, sha256 String, x1 Float32, y1 Float32, x2 Float32, y2 Float32, plate_x1 Float32, plate_y1 Float32, plate_x2 Float32, plate_y2 Float32, plate_text String, plate_confidence Float32) CODEC(ZSTD),
    second_frame Tuple(captured_ms Int64, evidence_ref String, sha256 String, x1 Float32, y1 Float32, x2 Float32, y2 Float32, plate_x1 Float32, plate_y1 Float32, plate_x2 Float32, plate_y2 Float32, plate_text String, plate_confidence Float32) CODEC(ZSTD),
    models LowCardinality(String),
    captured_ms Int64 CODEC(Delta, ZSTD),
    received_ms Int64 CODEC(Delta, ZSTD),
    emitted_ms Int64 CODEC(Delta, ZSTD),
    origin_partition Int32,
    origin_offset Int64 CODEC(Delta, ZSTD),
    ordinal Int32,
    first_at DateTime64(3, 'UTC') MATERIALIZED fromUnixTimestamp64Milli(first_ms, 'UTC'),
    last_at DateTime64(3, 'UTC') ALIAS fromUnixTimestamp64Milli(last_ms, 'UTC'),
    captured_at DateTime64(3, 'UTC') ALIAS fromUnixTimestamp64Milli(captured_ms, 'UTC'),
    received_at DateTime64(3, 'UTC') ALIAS fromUnixTimestamp64Milli(received_ms, 'UTC'),
    emitted_at DateTime64(3, 'UTC') ALIAS fromUnixTimestamp64Milli(emitted_ms, 'UTC'),
    stored_at DateTime64(3, 'UTC') DEFAULT now64(3, 'UTC') CODEC(Delta, ZSTD),
    INDEX plate_exact plate TYPE bloom_filter(0.01) GRANULARITY 4,
    INDEX plate_part plate TYPE ngrambf_v1(3, 4096, 3, 0) GRANULARITY 4,
    INDEX time_range first_ms TYPE minmax GRANULARITY 1
)
ENGINE = ReplacingMergeTree(revision)
PARTITION BY toYYYYMM(first_at)
ORDER BY (camera_id, first_ms, sighting_id)
TTL toDateTime(if(received_ms > 0, fromUnixTimestamp64Milli(greatest(first_ms, received_ms), 'UTC'), stored_at)) + INTERVAL 90 DAY DELETE;
