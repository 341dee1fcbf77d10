"""`waysight models list|check|use|pull`: which networks see, whether they are whole, and other ones in their place."""

from __future__ import annotations

import re
import time
from pathlib import Path
from typing import Annotated, Any

import msgspec
import typer

from waysight.adapters.audit import AuditLog
from waysight.commands.output import Json, acting, note, open_codec, print_json, print_table, when
from waysight.errors import BadConfiguration
from waysight.local.triton import repository
from waysight.modelling import force
from waysight.modelling.catalogue import Catalogue, production_model, read_catalogue
from waysight.modelling.checking import check_models
from waysight.modelling.overlay import note_change, read_overlay
from waysight.modelling.pulling import pull as download
from waysight.modelling.pulling import pulled_path
from waysight.modelling.replacing import Request, check_request, replace_model, shape_text
from waysight.settings import Settings, get_settings

OWN = "own"
Model = Annotated[str, typer.Argument(help="Whose place: vehicle_detector, plate_detector, plate_reader …")]
Weights = Annotated[
    str, typer.Argument(help="An ONNX file, a production model that was pulled, or `own` to go back.")
]
Kind = Annotated[
    str, typer.Option(help="How the network is fed and read: yolox, or waysight (trained by training/).")
]
Classes = Annotated[
    str, typer.Option(help="yolox: `coco`, or a file with a class a line, `name` or `name = our label`.")
]
Input = Annotated[str, typer.Option("--input", help="yolox with a free input: WIDTHxHEIGHT, e.g. 416x256.")]
Score = Annotated[float | None, typer.Option(min=0.01, max=0.99, help="yolox: least score of an object.")]


def register(app: typer.Typer) -> None:
    """Add the commands."""
    group = typer.Typer(
        help="The networks that see: what is in force, and other ones in its place.", no_args_is_help=True
    )
    group.command("list")(list_models)
    group.command("check")(check)
    group.command("use")(use)
    group.command("pull")(pull)
    app.add_typer(group, name="models")


def list_models(json_: Json = False) -> None:
    """Show each model in force: kind, weights, licence, source, input; then production models to pull."""
    settings, catalogue = get_settings(), read_catalogue(repository())
    overlay = read_overlay(settings.models_folder)
    in_force = []
    for name, contract in catalogue.models.items():
        entry = overlay.get(name)
        own = {"kind": "waysight", "sha256": contract.sha256, "licence": contract.licence, "source": contract.source,
               "trained_on": contract.trained_on, "input": shape_text(contract.input), "folder": str(repository() / name),
               "used_ms": None, "used_by": ""}  # fmt: skip
        other = (
            {**msgspec.to_builtins(entry), "folder": str(settings.models_folder / entry.folder)}
            if entry
            else {}
        )
        in_force.append({"model": name, **own, **{key: other[key] for key in own if key in other}})
    production = [
        {"name": name, **model.model_dump(), "pulled": pulled_path(settings.models_folder, name).is_file()}
        for name, model in catalogue.production.items()
    ]
    if json_:
        print_json({"in_force": in_force, "production": production})
        return
    print_table(
        ("model", "kind", "weights", "licence", "source", "input", "in force since", "by"),
        ((m["model"], m["kind"], m["sha256"][:12] or "-", m["licence"], m["source"], m["input"], when(m["used_ms"]), m["used_by"])
         for m in in_force),
        "in force",
    )  # fmt: skip
    print_table(
        ("name", "in place of", "kind", "weights", "licence", "trained on", "pulled"),
        ((p["name"], p["replaces"], p["kind"], p["sha256"][:12] or "not known", p["licence"], p["trained_on"], "yes" if p["pulled"] else "no")
         for p in production),
        "to pull: `waysight models pull NAME`",
    )  # fmt: skip


def check(json_: Json = False) -> None:
    """Check every model: files, checksums, configuration against contract, weights that open; a running Triton, too.

    Exits with 1 when one is at fault.
    """
    settings = get_settings()
    findings = check_models(settings, repository(), read_catalogue(repository()))
    served = force.served_states(settings)
    missing = [f.model for f in findings if served and served.get(f.model) != "READY"]
    report = [
        {**msgspec.to_builtins(f), "ok": not f.faults and f.model not in missing,
         "faults": [*f.faults, *(["the running Triton does not serve it"] if f.model in missing else [])]}
        for f in findings
    ]  # fmt: skip
    if json_:
        print_json({"models": report, "triton": served})
    for line in () if json_ else report:
        typer.echo(
            f"{'ok' if line['ok'] else 'FAULT':<6}{line['model']:<22}{line['kind']:<10}{line['weights'][:12]}"
        )
        for fault in line["faults"]:
            typer.echo(f"{'':<6}{fault}")
    if not all(line["ok"] for line in report):
        raise typer.Exit(1)


def use(
    model: Model,
    weights: Weights,
    kind: Kind = "",
    classes: Classes = "",
    input_: Input = "",
    score: Score = None,
    licence: Annotated[str, typer.Option(help="The licence of the weights; shown and recorded.")] = "",
    source: Annotated[str, typer.Option(help="Where the weights come from; shown and recorded.")] = "",
    officer: Annotated[str, typer.Option(help="Who decides; the login name by default.")] = "",
    json_: Json = False,
) -> None:
    """Put other weights in a model's place, or go back to ours; a running local Triton takes them over at once."""
    settings = get_settings()
    catalogue, actor, now_ms = (
        read_catalogue(repository()),
        acting(settings, officer),
        time.time_ns() // 1_000_000,
    )
    entries = read_overlay(settings.models_folder)
    before = entries.get(model)
    change: dict[str, Any] = {
        "model": model,
        "at_ms": now_ms,
        "by": actor,
        "before": before.sha256 if before else OWN,
    }
    if weights == OWN:
        check_request(catalogue, Request(model, repository() / model / "1" / "model.onnx", "waysight"))
        entries.pop(model, None)
        change["weights"] = OWN
    else:
        request = request_for(settings, catalogue, model, weights, (kind, classes, licence, source))
        request = msgspec.structs.replace(request, input_px=pixels(input_), score=score)
        contract = check_request(catalogue, request)
        entries[model] = replace_model(settings, repository(), request, contract, now_ms, actor)
        change |= {
            "weights": entries[model].sha256,
            **{k: getattr(entries[model], k) for k in ("kind", "licence", "source")},
        }
    audited = force.records_acts(settings)
    if audited:
        AuditLog(settings, open_codec(settings)).record("models.use", "models", "", change, actor=actor)
    reloaded = force.put_in_force(settings, entries, model)
    note_change(settings.models_folder, {**change, "audited": audited})
    if json_:
        print_json({**change, "audited": audited, "reloaded": reloaded})
        return
    typer.echo(
        f"{model}: {change['weights'][:12]} is in force{'' if reloaded else ' at the next `waysight up`'}"
    )
    if not audited:
        note("the stack is down: recorded in the models folder only, not in the audit log")


def pull(
    name: Annotated[str, typer.Argument(help="A production model of `waysight models list`.")],
    sha256: Annotated[
        str, typer.Option("--sha256", help="Checksum that you trust, where the catalogue has none.")
    ] = "",
    accept_licence: Annotated[
        bool, typer.Option("--accept-licence", help="You have read its licence.")
    ] = False,
    json_: Json = False,
) -> None:
    """Download a production model, check it, and say how to put it in force."""
    settings = get_settings()
    model = production_model(read_catalogue(repository()), name)
    note(f"{name}: licence {model.licence}; trained on {model.trained_on}; {model.url}")
    path = download(settings.models_folder, name, model, sha256, accept_licence)
    if json_:
        print_json({"name": name, "path": str(path), "licence": model.licence, "replaces": model.replaces})
    else:
        typer.echo(f"{path}\nput it in force: waysight models use {model.replaces} {name}")


def request_for(
    settings: Settings, catalogue: Catalogue, model: str, weights: str, given: tuple[str, str, str, str]
) -> Request:
    """What to put in place: a file, or a pulled production model with the catalogue's word on it.

    `given`: kind, classes, licence, source of the command line, empty where not stated.
    """
    kind, classes, licence, source = given
    known = catalogue.production.get(weights)
    if known is None:
        if not kind:
            raise BadConfiguration(f"say what {weights} is: --kind yolox, or --kind waysight")
        return Request(model, Path(weights), kind, classes or "coco", licence=licence, source=source)
    if known.replaces != model:
        raise BadConfiguration(f"{weights} takes the place of {known.replaces}, not of {model}")
    path = pulled_path(settings.models_folder, weights)
    if not path.is_file():
        raise BadConfiguration(
            f"{weights} is not there yet; run `waysight models pull {weights} --accept-licence`"
        )
    return Request(
        model, path, kind or known.kind, classes or known.classes, licence=licence or known.licence,
        source=source or known.url, trained_on=known.trained_on,
    )  # fmt: skip


def pixels(text: str) -> tuple[int, int]:
    """Width and height of `416x256`; (0, 0) for nothing; raises BadConfiguration."""
    found = re.fullmatch(r"(\d{2,4})x(\d{2,4})", text.strip())
    if text and not found:
        raise BadConfiguration(f"--input {text!r} is not WIDTHxHEIGHT in pixels, e.g. 416x256")
    return (int(found[1]), int(found[2])) if found else (0, 0)
