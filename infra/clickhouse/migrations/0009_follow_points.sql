-- The paths of vehicles that an authorisation allowed to follow; a later revision of a sighting replaces its point.
-- Not partitioned: the table is small, and a revision may move a point's time over a month's end.
CREATE TABLE IF NOT EXISTS follow_points
(
    point_id String CODEC(ZSTD),
    authorisation_id LowCardinality(String),
    plate String CODEC(ZSTD),
    sighting_id String CODEC(ZSTD),
    revision UInt32,
    camera_id LowCardinality(String),
    location LowCardinality(String),
    lat Nullable(Float64) CODEC(ZSTD),
    lon Nullable(Float64) CODEC(ZSTD),
    captured_ms Int64 CODEC(Delta, ZSTD),
    plate_confidence Float32 CODEC(ZSTD),
    label LowCardinality(String),
    colour LowCardinality(String),
    speed_kmh Nullable(Float32) CODEC(ZSTD),
    evidence Tuple(captured_ms Int64, evidence_ref String, sha256 String, x1 Float32, y1 Float32, x2 Float32, y2 Float32, plate_x1 Float32, plate_y1 Float32, plate_x2 Float32, plate_y2 Float32, plate_text String, plate_confidence Float32) CODEC(ZSTD),
    origin_partition Int32,
    origin_offset Int64 CODEC(Delta, ZSTD),
    ordinal Int32,
    captured_at DateTime64(3, 'UTC') MATERIALIZED fromUnixTimestamp64Milli(captured_ms, 'UTC'),
    stored_at DateTime64(3, 'UTC') DEFAULT now64(3, 'UTC') CODEC(Delta, ZSTD),
    INDEX time_range captured_ms TYPE minmax GRANULARITY 1
)
ENGINE = ReplacingMergeTree(revision)
ORDER BY (authorisation_id, point_id)
TTL toDateTime(greatest(captured_at, stored_at)) + INTERVAL 90 DAY DELETE;

CREATE VIEW IF NOT EXISTS follow_points_current AS
SELECT *, captured_at
FROM follow_points FINAL;
