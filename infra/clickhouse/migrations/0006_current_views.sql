-- What readers should use: one row per id, the newest, with times as DateTime64.
CREATE VIEW IF NOT EXISTS sightings_current AS
SELECT *, first_at, last_at, captured_at, received_at, emitted_at
FROM sightings FINAL;

CREATE VIEW IF NOT EXISTS violations_current AS
SELECT *, occurred_at
FROM violations FINAL;

CREATE VIEW IF NOT EXISTS counts_current AS
SELECT *, window_start_at
FROM counts FINAL;

CREATE VIEW IF NOT EXISTS alerts_current AS
SELECT *, occurred_at, captured_at, received_at, raised_at
FROM alerts FINAL;

CREATE VIEW IF NOT EXISTS reviews_current AS
SELECT *, reviewed_at
FROM reviews FINAL;

CREATE VIEW IF NOT EXISTS fines_current AS
SELECT *, occurred_at, issued_at
FROM fines FINAL;

CREATE VIEW IF NOT EXISTS audit_current AS
SELECT *, at
FROM audit FINAL;

CREATE VIEW IF NOT EXISTS camera_health_current AS
SELECT *, at
FROM camera_health FINAL;

CREATE VIEW IF NOT EXISTS dead_letters_current AS
SELECT *, at
FROM dead_letters FINAL;
