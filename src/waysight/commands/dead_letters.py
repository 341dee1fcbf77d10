"""`waysight dead-letters list|replay`: what could not be used, why, and sending it again."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from waysight.adapters.audit import AuditLog
from waysight.adapters.dead_letters import dead_letters, replay
from waysight.adapters.kafka import Publisher
from waysight.commands.narrowing import one_of
from waysight.commands.output import Json, note, open_codec, print_json, print_table, when
from waysight.engine import Message
from waysight.errors import BadConfiguration
from waysight.messages import DeadLetter
from waysight.settings import get_settings
from waysight.topics import all_topics

letters_app = typer.Typer(help="Records that could not be used.", no_args_is_help=True)
Topic = Annotated[str, typer.Option(help="Only letters of this topic.")]
Last = Annotated[int, typer.Option(help="Only the newest so many.", min=1)]
Number = Annotated[
    list[int] | None, typer.Argument(help="Numbers as `list` shows them; none: all that match.")
]


def register(app: typer.Typer) -> None:
    """Add the commands."""
    app.add_typer(letters_app, name="dead-letters")


@letters_app.command("list")
def list_command(topic: Topic = "", last: Last = 100, json_: Json = False) -> None:
    """Show dead letters with origin and reason, oldest first."""
    rows = [_row(message, letter) for message, letter in _matching(topic)][-last:]
    if json_:
        print_json(rows)
        return
    columns = ("number", "at", "topic", "partition", "offset", "bytes", "processor", "reason")
    print_table(columns, ([row[c] for c in columns] for row in rows))


@letters_app.command("replay")
def replay_command(numbers: Number = None, topic: Topic = "", json_: Json = False) -> None:
    """Send letters to their topics again, after what made them unusable has been mended."""
    settings = get_settings()
    chosen = [(m, letter) for m, letter in _matching(topic) if not numbers or m.offset in numbers]
    if missing := sorted(set(numbers or ()) - {m.offset for m, _ in chosen}):
        raise BadConfiguration(
            f"no such dead letters{f' of {topic}' if topic else ''}: {missing}; `waysight dead-letters list` has them"
        )
    codec = open_codec(settings)
    detail = {"topic": topic, "numbers": [m.offset for m, _ in chosen]}
    AuditLog(settings, codec).record("dead-letters.replay", "replay", "", detail, len(chosen))
    publisher = Publisher(settings, codec)
    refused = {m.offset: why for m, letter in chosen if (why := replay(publisher, letter))}
    publisher.flush()
    sent = len(chosen) - len(refused)
    if json_:
        print_json({"sent": sent, "refused": refused})
        return
    for number, why in refused.items():
        note(f"{number} not sent: {why}")
    print(f"{sent} sent again")


def _matching(topic: str) -> list[tuple[Message, DeadLetter]]:
    one_of(topic, tuple(all_topics()), "--topic")
    settings = get_settings()
    return [(m, d) for m, d in dead_letters(settings, open_codec(settings)) if topic in ("", d.topic)]


def _row(message: Message, letter: DeadLetter) -> dict[str, Any]:
    return {
        "number": message.offset,
        "at": when(letter.at_ms),
        "at_ms": letter.at_ms,
        "topic": letter.topic,
        "partition": letter.partition,
        "offset": letter.offset,
        "bytes": letter.payload_bytes,
        "processor": letter.processor,
        "reason": letter.reason,
    }
