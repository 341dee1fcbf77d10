"""`waysight alerts list|ack|verify|reject`: what a person says of an alert."""

from __future__ import annotations

import time
from typing import Annotated

import typer

from waysight.adapters.audit import AuditLog
from waysight.adapters.clickhouse import connect
from waysight.adapters.kafka import Publisher
from waysight.commands import narrowing
from waysight.commands.governed import Desk, look_up
from waysight.commands.output import Case, Json, Purpose, acting, open_codec, print_json, print_table, when
from waysight.domain.ids import derive_id
from waysight.errors import NotAllowed
from waysight.messages import Alert, AlertAction, AlertStatus
from waysight.settings import get_settings
from waysight.storage.records import find_alert, newest

REASONS = ("wrong_plate", "wrong_vehicle", "entry_outdated", "already_handled", "other")
Id = Annotated[str, typer.Argument(help="Alert id, or a unique beginning of it.")]
Actor = Annotated[str, typer.Option(help="Who acts; the login name by default.")]


def register(app: typer.Typer) -> None:
    """Add the commands."""
    group = typer.Typer(help="Alerts and what was done about them.", no_args_is_help=True)
    group.command("list")(list_alerts)
    group.command("ack")(ack)
    group.command("verify")(verify)
    group.command("reject")(reject)
    app.add_typer(group, name="alerts")


def list_alerts(
    purpose: Purpose = "",
    case: Case = "",
    plate: str = "",
    status: Annotated[str, typer.Option(help="new, acknowledged, verified or rejected.")] = "",
    limit: Annotated[int, typer.Option(min=1, max=100_000)] = 100,
    json_: Json = False,
) -> None:
    """Show alerts, newest first."""
    narrowing.one_of(status, narrowing.STATUSES["alerts"], "--status")
    equal = {k: v for k, v in {"plate": narrowing.plate(plate), "status": status}.items() if v}

    def find(desk: Desk) -> tuple[list[Alert], dict[str, str]]:
        return newest(desk.clickhouse, "alerts", Alert, "occurred_ms", limit, **equal), equal

    found = look_up("alerts.list", purpose, case, find)
    if json_:
        print_json(found)
        return
    print_table(
        ("alert", "when", "kind", "priority", "plate", "camera", "case", "authority", "status", "by"),
        ((a.alert_id[:12], when(a.occurred_ms), a.kind, a.priority, a.plate, a.camera_id, a.case_number, a.authority,
          a.status, a.status_by) for a in found),
    )  # fmt: skip


def ack(alert_id: Id, actor: Actor = "", json_: Json = False) -> None:
    """Acknowledge an alert: somebody is on it."""
    _act(alert_id, "acknowledged", "", actor, json_)


def verify(alert_id: Id, actor: Actor = "", json_: Json = False) -> None:
    """Confirm that the vehicle is the wanted one."""
    _act(alert_id, "verified", "", actor, json_)


def reject(
    alert_id: Id,
    reason: Annotated[str, typer.Option(help=f"One of {', '.join(REASONS)}.")] = "",
    actor: Actor = "",
    json_: Json = False,
) -> None:
    """Reject an alert with a reason code."""
    if reason not in REASONS:
        raise NotAllowed(f"a rejection needs a reason code (--reason): {', '.join(REASONS)}")
    _act(alert_id, "rejected", reason, actor, json_)


def _act(alert_id: str, status: AlertStatus, reason: str, actor: str, json_: bool) -> None:
    settings, now_ms = get_settings(), time.time_ns() // 1_000_000
    alert, who = find_alert(connect(settings), alert_id), acting(settings, actor)
    action = AlertAction(
        action_id=derive_id("alert-action", alert.alert_id, status, who, now_ms),
        alert_id=alert.alert_id,
        subject=alert.subject,
        status=status,
        reason=reason,
        actor=who,
        acted_ms=now_ms,
    )
    codec = open_codec(settings)
    detail = {"alert_id": alert.alert_id, "status": status, "reason": reason}
    AuditLog(settings, codec).record(f"alerts.{status}", "alert", alert.case_number, detail, actor=who)
    publisher = Publisher(settings, codec)
    publisher.publish("alert-actions", alert.subject, action)
    publisher.flush()
    if json_:
        print_json(action)
    else:
        typer.echo(f"{status}: {alert.alert_id} ({alert.kind}, {alert.plate})")
