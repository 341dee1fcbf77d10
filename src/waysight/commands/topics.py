"""`waysight topics apply|list`: the topics and schemas of schemas/topics.yaml on the broker."""

from __future__ import annotations

import typer

from waysight.adapters.kafka import require_answer
from waysight.adapters.kafka_admin import apply_topics, topic_partitions, wanted_topics
from waysight.commands.output import Json, print_json, print_table
from waysight.settings import get_settings
from waysight.topics import all_topics

topics_app = typer.Typer(help="Kafka topics and their schemas.", no_args_is_help=True)


def register(app: typer.Typer) -> None:
    """Add the commands."""
    app.add_typer(topics_app, name="topics")


@topics_app.command("apply")
def apply_command(json_: Json = False) -> None:
    """Create missing topics, correct configurations, register schemas; harmless to repeat."""
    settings = get_settings()
    require_answer(settings)
    rows = apply_topics(settings)
    if json_:
        print_json(rows)
    else:
        columns = ("topic", "action", "partitions", "schema_id")
        print_table(columns, ([row[c] for c in columns] for row in rows))


@topics_app.command("list")
def list_command(json_: Json = False) -> None:
    """Show what each topic holds, who writes and who reads it, and whether the broker has it."""
    settings = get_settings()
    require_answer(settings)
    present = topic_partitions(settings)
    rows = []
    for wanted in wanted_topics(settings):
        spec = all_topics().get(wanted.name)
        rows.append(
            {
                "topic": wanted.name,
                "schema": wanted.schema_name,
                "key": spec.key if spec else "state",
                "partitions": present.get(wanted.name, 0),
                "wanted_partitions": wanted.partitions,
                "compacted": wanted.config["cleanup.policy"] == "compact",
                "producers": list(spec.producers) if spec else [],
                "consumers": list(spec.consumers) if spec else [],
            }
        )
    if json_:
        print_json(rows)
        return
    columns = ("topic", "schema", "key", "partitions", "producers", "consumers")
    text = ([", ".join(v) if isinstance(v := row[c], list) else v for c in columns] for row in rows)
    print_table(columns, text)
