"""Every metric of waysight in one place, and the port that serves them."""

from __future__ import annotations

from prometheus_client import Counter, Gauge, Histogram, start_http_server

from waysight.errors import BadConfiguration

_SECONDS = (0.001, 0.003, 0.01, 0.03, 0.1, 0.3, 1.0, 3.0, 10.0, 30.0)
_LATENCY = (0.1, 0.3, 1.0, 2.0, 5.0, 10.0, 30.0, 60.0, 300.0)

MESSAGES_IN = Counter("waysight_messages_in_total", "Messages taken from a topic.", ["processor", "topic"])
MESSAGES_OUT = Counter("waysight_messages_out_total", "Messages sent to a topic.", ["processor", "topic"])
BATCH = Histogram(
    "waysight_batch_messages", "Messages in one step.", ["processor"], buckets=(1, 3, 10, 30, 100, 300, 1000)
)
STEP_SECONDS = Histogram("waysight_step_seconds", "Seconds of one step.", ["processor"], buckets=_SECONDS)
COMMIT_SECONDS = Histogram(
    "waysight_commit_seconds", "Seconds of one commit.", ["processor"], buckets=_SECONDS
)
LAG = Gauge("waysight_lag_messages", "Offsets not yet processed.", ["processor", "topic"])
DEAD_LETTERS = Counter("waysight_dead_letters_total", "Records given up.", ["processor", "topic"])
RESTORES = Counter("waysight_state_restores_total", "States read back from their changelog.", ["processor"])
INFERENCE_SECONDS = Histogram(
    "waysight_inference_seconds", "Seconds of one inference call.", ["model"], buckets=_SECONDS
)
INFERENCE_RETRIES = Counter("waysight_inference_retries_total", "Inference calls tried again.", ["address"])
INFERENCES = Counter(
    "waysight_triton_calls_total", "Inference calls to a server, answered or failed.", ["address", "outcome"]
)
INFERENCE_UP = Gauge("waysight_triton_up", "1 while an inference server answers, else 0.", ["address"])
INFERENCE_IN_FLIGHT = Gauge(
    "waysight_triton_in_flight", "Frames in flight at an inference server.", ["address"]
)
LATENCY_SECONDS = Histogram(
    "waysight_latency_seconds",
    "Wall-clock seconds from a frame's arrival at its producer to a stage.",
    ["stage"],
    buckets=_LATENCY,
)
FRAMES_SENT = Counter("waysight_frames_sent_total", "Frames a producer sent.", ["camera"])
FRAMES_DROPPED = Counter(
    "waysight_frames_dropped_total", "Frames a producer dropped, by reason.", ["camera", "reason"]
)
RECONNECTS = Counter("waysight_reconnects_total", "Times a producer opened its source again.", ["camera"])
UNDECIDED = Counter(
    "waysight_undecided_total",
    "Vehicles whose light or speed sign is not known: signals late by an hour or missing.",
    ["place"],
)
FINES = Counter("waysight_fines_total", "Fine records sent, by status.", ["status"])
FINES_WITHHELD = Counter(
    "waysight_fines_withheld_total", "Accepted violations without a fine, by reason.", ["reason"]
)
ROWS_STORED = Counter("waysight_rows_stored_total", "Rows written to ClickHouse.", ["table"])


def serve(port: int) -> None:
    """Serve the metrics of this process on loopback; port 0 serves nothing. Raises BadConfiguration."""
    if port == 0:
        return
    try:
        start_http_server(port, addr="127.0.0.1")
    except OSError as error:
        raise BadConfiguration(
            f"metrics port {port}: {error.strerror}; set WAYSIGHT_METRICS_PORT to a free one"
        ) from error
