"""`waysight cameras calibrate`: a calibration drawn over the camera's picture, and what to expect of it."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import cv2
import numpy as np
import typer

from waysight.adapters.kafka import latest_by_key
from waysight.adapters.pictures import Picture, decode_frame
from waysight.cameras.calibration_picture import draw_calibration
from waysight.cameras.expected_speed import Expected, expected
from waysight.cameras.files import camera_of, load_calibration
from waysight.cameras.models import LEAST_MEASURING_FPS, Camera
from waysight.cameras.picture import first_picture
from waysight.commands.output import Json, note, open_codec, print_json, print_table
from waysight.errors import BadConfiguration
from waysight.settings import get_settings

PARTS = ("tracking", "calibration", "clock", "model")


def calibrate(
    calibration: Annotated[
        Path, typer.Option(help="YAML: a calibration alone, or a camera file (then --camera says which).")
    ],
    camera: Annotated[str, typer.Option(help="Take the picture of this camera.")] = "",
    picture: Annotated[Path | None, typer.Option(help="A picture of the camera, in place of its own.")] = None,
    out: Annotated[Path, typer.Option(help="Where to draw the grid (PNG).")] = Path("grid.png"),
    speed_kmh: Annotated[float, typer.Option(min=5, max=300, help="Speed for which the bound is stated.")] = 60.0,
    fps: Annotated[float, typer.Option(min=1, max=100, help="Pictures a second for which it is stated.")] = 5.0,
    json_: Json = False,
) -> None:  # fmt: skip
    """Fit the calibration, draw its grid, marks and residuals over the picture, state the speed error to expect."""
    survey, configured = load_calibration(calibration, camera)
    shown = _picture(picture, camera, configured)
    plane = survey.solve()
    write_picture(out, draw_calibration(survey, shown))
    rate = max((configured.fps if configured else None) or fps, LEAST_MEASURING_FPS)
    passes = expected(survey, speed_kmh, rate)
    height, width = shown.shape[:2]
    report: dict[str, Any] = {
        "calibration": survey.way,
        "image_size": list(survey.image_size),
        "picture": [width, height],
        "error_px": round(plane.error_px, 2),
        "error_m": round(plane.error_m, 3),
        "matrix": plane.matrix.round(9).tolist(),
        "residuals": [
            {"name": r.name, "image": list(r.seen), "off_px": round(r.off_px, 2), "detail": r.detail}
            for r in plane.residuals
        ],
        "speed_kmh": speed_kmh,
        "fps": rate,
        "expected": [_row(e) for e in passes],
        "out": str(out),
    }
    if (width, height) != survey.image_size:
        note(f"the picture is {width}x{height}, the calibration {survey.image_size}: drawn scaled")
    if json_:
        print_json(report)
        return
    rows = [[e["y_m"], *e["image"], e["m_per_px"], *(e[f"{p}_kmh"] for p in PARTS), e["bound_kmh"]]
            for e in report["expected"]]  # fmt: skip
    columns = ("Y m", "x px", "y px", "m a px", *(f"{p} (1 sigma)" for p in PARTS), "bound (95 %)")
    print_table(columns, rows, f"km/h at {speed_kmh:g} km/h over 20 m, {rate:g} pictures a second")
    worst = max(plane.residuals, key=lambda r: r.off_px, default=None)
    ends = f", worst {worst.name}: {worst.off_px:.1f} px ({worst.detail})" if worst else ""
    note(f"{survey.way}: rms residual {plane.error_px:.1f} px{ends}; drawn to {out}")


def write_picture(path: Path, picture: Picture) -> None:
    """Write a BGR picture; raises BadConfiguration where folder or ending do not serve."""
    try:
        written = cv2.imwrite(str(path), picture)
    except cv2.error:  # an ending that it knows no format for
        written = False
    if not written:
        raise BadConfiguration(
            f"{path}: cannot be written; give a path in an existing folder that ends in .png"
        )


def _picture(path: Path | None, camera_id: str, configured: Camera | None) -> Picture:
    if path is not None:
        try:
            return _decoded(path)
        except OSError as error:
            raise BadConfiguration(
                f"{path}: cannot be read ({error.strerror}); give a picture file"
            ) from error
    if configured is not None:
        return first_picture(configured)
    if not camera_id:
        raise BadConfiguration("name the picture: --picture FILE, or --camera ID of a camera in service")
    settings = get_settings()
    record = latest_by_key(settings, open_codec(settings), "cameras").get(camera_id)
    if record is None or record.deleted:
        raise BadConfiguration(f"no camera {camera_id} in service; `waysight cameras list` shows them")
    return first_picture(camera_of(record))


def _decoded(path: Path) -> Picture:
    picture = cv2.imread(str(path), cv2.IMREAD_COLOR)
    if picture is None:
        return decode_frame("jpeg", path.read_bytes())
    return np.asarray(picture, dtype=np.uint8)


def _row(place: Expected) -> dict[str, Any]:
    motion = place.motion
    return {
        "x_m": round(place.x_m, 2),
        "y_m": round(place.y_m, 2),
        "image": [round(v, 1) for v in place.image],
        "m_per_px": round(place.metres_per_px, 4),
        **{f"{p}_kmh": round(getattr(motion, f"{p}_kmh"), 2) for p in PARTS},
        "bound_kmh": round(motion.error_kmh, 2),
    }
