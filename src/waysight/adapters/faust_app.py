"""One Faust app for one processor, with the settings that make it exact and quick."""

from __future__ import annotations

import faust

from waysight.adapters.faust_fixes import QuietMonitor
from waysight.processing import group_id
from waysight.settings import Settings

_MAX_BYTES = 16 * 1024 * 1024
_FETCH_BYTES = 2 * 1024 * 1024  # of a partition at once: asyncio copies what it has read more than once
_NO_LIMIT_S = 86_400.0


def make_app(
    settings: Settings,
    name: str,
    instance: str,
    *,
    take: int,
    bundles: int,
    commit_s: float,
    session_s: float,
) -> faust.App:
    """An app that is a member of the processor's group, a static one when `instance` names it.

    `take` bounds the messages of a fetch, `bundles` the fetched parts of partitions that may wait.
    """
    folder = settings.state_dir.resolve() / "faust" / f"{name}{instance}"
    folder.mkdir(parents=True, exist_ok=True)
    app = faust.App(
        group_id(name),
        broker="kafka://" + settings.bootstrap.replace(",", ";"),
        store="memory://",
        datadir=str(folder),
        processing_guarantee="exactly_once",
        table_standby_replicas=1,
        topic_allow_declare=False,
        topic_disable_leader=True,
        web_enabled=False,
        worker_redirect_stdouts=False,
        Monitor=QuietMonitor,
        stream_wait_empty=False,
        stream_recovery_delay=0.0,
        stream_buffer_maxsize=bundles,
        broker_max_poll_records=take,
        broker_session_timeout=session_s,
        broker_heartbeat_interval=2.0,
        broker_max_poll_interval=_NO_LIMIT_S,  # a sink may be away for long; the engine finds a standstill
        broker_request_timeout=30.0,
        broker_commit_interval=commit_s,
        consumer_max_fetch_size=_FETCH_BYTES,
        consumer_auto_offset_reset="earliest",
        consumer_group_instance_id=f"{name}-{instance}" if instance else None,
        producer_linger=0.003,
        producer_compression_type="lz4",
        producer_max_request_size=_MAX_BYTES,
        producer_max_batch_size=262144,
        producer_request_timeout=30.0,
    )
    app.in_worker = True  # or Faust starts no transactional producers
    return app
