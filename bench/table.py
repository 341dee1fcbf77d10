"""From results to lines: figure, reference, ratio, aim, and whether the aim was met; as a table and as a picture."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

FILE_AIM, RTSP_AIM = 150.0, 40.0
STREAM_AIMS = {"quixstreams": 3.0, "pyflink": 2.0, "bytewax": 1.5, "reference": 2.0}
STREAM_PEERS = {"quixstreams": "Quix Streams", "pyflink": "PyFlink", "bytewax": "Bytewax",
                "reference": "confluent-kafka + fastavro loop"}  # fmt: skip
ARROW_AIM = 0.7
LOOK_UPS_AIM, RECALL_AIM, FALSE_AIM = 20_000, 0.99, 1.0
LEVEL_AIM, ACCEPTED_AIM, READER_CPU_AIM = 1.0, 0.7, 15.0


@dataclass(frozen=True, slots=True)
class Line:
    """One ratio of waysight to a named reference; `ratio` None means not measured, `aim` None that there is none.

    `bigger_is_better`: whether the aim is a least or a most.
    """

    figure: str
    measured: str
    reference: str
    ratio: float | None
    aim: float | None = None
    bigger_is_better: bool = True

    @property
    def met(self) -> bool | None:
        """Whether the aim was reached; None without a ratio or an aim."""
        if self.ratio is None or self.aim is None:
            return None
        return self.ratio >= self.aim if self.bigger_is_better else self.ratio <= self.aim


def lines_of(results: Mapping[str, Mapping[str, Any]]) -> list[Line]:
    """The lines of every measurement that is there."""
    makers = {
        "sampling": _sampling,
        "stream": _stream,
        "latency": _latency,
        "models": _models,
        "tracking": _tracking,
        "watchlist": _watchlist,
        "exports": _exports,
    }
    return [line for name, make in makers.items() if name in results for line in make(results[name])]


def show(lines: Sequence[Line], console: Console) -> None:
    """Print the table."""
    table = Table(
        title="waysight against references, in one run", title_justify="left", box=None, pad_edge=False
    )
    for column in ("figure", "waysight", "reference"):
        table.add_column(column)
    for column in ("ratio", "aim"):
        table.add_column(column, justify="right")
    table.add_column("met")
    for line in lines:
        ratio = "not measured" if line.ratio is None else f"{line.ratio:g}"
        aim = "" if line.aim is None else f"{'≥' if line.bigger_is_better else '≤'} {line.aim:g}"
        met = {True: "[green]yes[/]", False: "[red]no[/]", None: ""}[line.met]
        table.add_row(line.figure, line.measured, line.reference, ratio, aim, met)
    console.print(table)


def draw(lines: Sequence[Line], path: Path) -> None:
    """Write the ratios as bars on a logarithmic scale, each with its aim, as one PNG."""
    import matplotlib as mpl

    mpl.use("agg")
    from matplotlib.figure import Figure

    measured = [line for line in lines if line.ratio is not None]
    figure = Figure(figsize=(9, 1.2 + 0.6 * len(measured)), dpi=100, layout="constrained")
    axes = figure.add_subplot()
    for place, line in enumerate(measured):
        colour = {True: "tab:green", False: "tab:orange", None: "tab:blue"}[line.met]
        axes.barh(place, line.ratio or 0.0, color=colour, height=0.6)
        axes.annotate(f" {line.ratio:g}", (line.ratio, place), va="center")
        if line.aim is not None:
            axes.plot([line.aim, line.aim], [place - 0.4, place + 0.4], color="black", linewidth=2)
    axes.set_yticks(range(len(measured)), [f"{line.figure}\nagainst {line.reference}" for line in measured])
    axes.invert_yaxis()
    axes.set_xscale("log")
    axes.margins(x=0.15)
    axes.set_xlabel("ratio; black line: the aim; green: met, orange: missed, blue: no aim")
    path.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(path, metadata={"Software": "waysight"})


def _sampling(result: Mapping[str, Any]) -> list[Line]:
    lines = []
    for source, aim in (("file", FILE_AIM), ("rtsp", RTSP_AIM)):
        found, name = result[source], f"sampling cost from {source.upper() if source == 'rtsp' else 'a file'}"
        if isinstance(found, str):
            lines.append(Line(name, found, "OpenCV full decode", None, aim))
            continue
        ours, theirs = (f"{found[who]:.3g} CPU-s/min" for who in ("waysight", "opencv"))
        lines.append(Line(name, ours, f"OpenCV full decode {theirs}", found["ratio"], aim))
    return lines


def _stream(result: Mapping[str, Any]) -> list[Line]:
    rates, inside = result["events_per_cpu_s"], result["arrow_events_per_cpu_s"]
    lines = [
        Line(
            "match+enforce+count+store",
            f"{rates['waysight']:,} events/CPU-s",
            f"{STREAM_PEERS[engine]} {rates[engine]:,}",
            ratio,
            STREAM_AIMS[engine],
        )
        for engine, ratio in result["ratios"].items()
    ]
    best = max((e for e in inside if e != "waysight"), key=lambda e: inside[e], default=None)
    if best is not None:
        reference = f"{STREAM_PEERS[best]} with our Arrow code {inside[best]:,}"
        measured = f"{rates['waysight']:,} events/CPU-s"
        lines.append(Line("the same, best of the second column", measured, reference,
                          result["ratio_to_best_arrow"], ARROW_AIM))  # fmt: skip
    return lines


def _latency(result: Mapping[str, Any]) -> list[Line]:
    name = f"capture→alert at {result['load_share']:.0%} load"
    reference = f"models alone {result['model_ms']:,} ms"
    return [
        Line(f"{name}, {p}", f"{result[f'{p}_ms']:,} ms", reference, result[ratio], None, False)
        for p, ratio in (("p50", "ratio"), ("p99", "ratio_p99"))
    ]


def _models(result: Mapping[str, Any]) -> list[Line]:
    plates, detection = result["plates"]["all"], result["detection"]
    ours, lines = plates["waysight"], []
    for name, words in (("rapidocr", "rapidocr"), ("chain", "y5fu + rapidocr's recogniser")):
        theirs = plates[name]
        for group in ("eu", "us", "br"):
            count, other = ours[group]["exact"], theirs[group]["best_exact"]
            figures = f"{count} of {ours[group]['images']} exact", f"{words} {other}"
            # One more than rapidocr is ahead of it; against the chain there is no aim.
            aim = round((other + 1) / max(1, other), 3) if name == "rapidocr" else None
            lines.append(Line(f"plates {group.upper()}", *figures, round(count / max(1, other), 3), aim))
        cpu = ours["cpu_ms_per_image_median"], theirs["cpu_ms_per_image_median"]
        aim = READER_CPU_AIM if name == "rapidocr" else None
        figures = f"{cpu[0]:g} CPU-ms a photograph", f"{words} {cpu[1]:g}"
        lines.append(Line("plates, CPU saved", *figures, round(cpu[1] / cpu[0], 2), aim))
    gate = plates["gate"]
    accepted = f"{gate['accepted']} of {gate['plates']} accepted, {gate['wrong']} wrong"
    bound = f"error rate at most {gate['error_rate_upper_95']:.1%} (95 %)"
    lines.append(
        Line("plates at the enforcement gate", accepted, bound, gate["accepted_share"], ACCEPTED_AIM)
    )
    own, yolox = detection["waysight"], detection["yolox_nano"]
    for key, name, turned in (
        ("ap50_class_agnostic", "objects on CCTV stills, AP50", False),
        ("cpu_ms_per_image_median", "objects on CCTV stills, CPU-ms", True),
    ):
        ratio = yolox[key] / own[key] if turned else own[key] / yolox[key]
        lines.append(Line(name, f"{own[key]:g}", f"YOLOX-nano {yolox[key]:g}", round(ratio, 2), LEVEL_AIM))
    return lines


def _tracking(result: Mapping[str, Any]) -> list[Line]:
    lines = []
    for sequence, figures in result["sequences"].items():
        own = figures["waysight"]
        for key, name in (("mota", "MOTA"), ("idf1", "IDF1")):
            other = max(("sort", "bytetrack"), key=lambda who, k=key: figures[who][k])
            best = figures[other][key]
            ratio = round(own[key] / best, 2) if best > 0 else None
            lines.append(Line(f"{sequence}, {name}", f"{own[key]:g}", f"{other} {best:g}", ratio, LEVEL_AIM))
    return lines


def _watchlist(result: Mapping[str, Any]) -> list[Line]:
    near, fuzzy, exact = result["approximate"], result["fuzzy"], result["exact_per_cpu_s"]
    few, many = exact.values()
    speed = near["per_cpu_s"][str(result["entries"])]
    false = f"{near['false_alerts']} of {near['innocent_passes']:,} innocent passes"
    recall = f"{near['recall']['count']} of {near['recall']['total']} doubted wanted plates"
    scan = f"rapidfuzz scan {fuzzy['per_cpu_s']:g}"
    return [
        Line("plates, 2 M entries", f"{many:,} look-ups/CPU-s", f"10,000 entries {few:,}", result["exact_cost_ratio"], None, False),
        Line("doubtful plates, 2 M entries", f"{speed:,} look-ups/CPU-s", scan, fuzzy["ratio"], None),
        Line("doubtful plates, look-ups", f"{speed:,} look-ups/CPU-s", f"{LOOK_UPS_AIM:,}", round(speed / LOOK_UPS_AIM, 2), 1.0),
        Line("doubtful plates, recall", recall, "all", near["recall"]["rate"], RECALL_AIM),
        Line("false approximate alerts", false, "10,000 passes", near["false_per_10000"], FALSE_AIM, False),
    ]  # fmt: skip


def _exports(result: Mapping[str, Any]) -> list[Line]:
    rates, aims, million = result["rows_per_s"], result["aims"], result["rows"] / 1e6
    of = f"of {million:g} M violations"
    ours = f"{rates['waysight']:,} rows/s"
    lines = [
        Line(f"export to Parquet {of}", ours, f"ClickHouse INTO OUTFILE, {order} {rates[kind]:,}", result[ratio], aim)
        for kind, ratio, order, aim in (("outfile", "ratio", "same order", aims["ratio"]),
                                        ("unordered", "ratio_unordered", "any order", None))
    ]  # fmt: skip
    for figure, key, aim, unit in (
        ("memory of the exporting process", "own_mib", "own_mib", "MiB"),
        ("memory of the embedded ClickHouse, exporting", "server_mib", "server_mib", "MiB"),
        ("memory of the embedded ClickHouse, reports", "server_mib_reports", "server_mib", "MiB"),
        (f"slowest report {of}", "slowest_report_s", "report_s", "s"),
    ):
        share = round(result[key] / aims[aim], 3)
        lines.append(
            Line(figure, f"{result[key]:g} {unit}", f"the aim, {aims[aim]:g} {unit}", share, 1.0, False)
        )
    return lines
