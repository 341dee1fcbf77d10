"""Evidence made visible: the vehicle boxed, its plate enlarged, and what was measured written beside it."""

from __future__ import annotations

from datetime import UTC, datetime

import cv2
import numpy as np

from waysight.adapters.pictures import AMBER, GREEN, Picture, crop, draw_box, draw_text, fit_inside
from waysight.messages import FrameRef, Violation

_PLATE_SHARE = 0.30


def annotated(violation: Violation, ref: FrameRef, picture: Picture) -> Picture:
    """A copy of the frame with the vehicle's box, the enlarged plate in a corner and a caption; same size."""
    drawn = picture.copy()
    height, width = drawn.shape[:2]
    draw_box(drawn, (ref.x1, ref.y1, ref.x2, ref.y2), violation.label)
    if has_plate(ref):
        draw_box(drawn, (ref.plate_x1, ref.plate_y1, ref.plate_x2, ref.plate_y2), "", AMBER)
        inset = plate_picture(ref, picture, round(width * _PLATE_SHARE))
        # The inset goes to the corner that is farthest from the vehicle.
        left = (ref.x1 + ref.x2) / 2 > width / 2
        top = (ref.y1 + ref.y2) / 2 > height / 2
        y = round(height * 0.06) if top else height - inset.shape[0] - round(height * 0.02)
        x = round(width * 0.02) if left else width - inset.shape[1] - round(width * 0.02)
        if y >= 0 and y + inset.shape[0] <= height:
            drawn[y : y + inset.shape[0], x : x + inset.shape[1]] = inset
            cv2.rectangle(
                drawn, (x, y), (x + inset.shape[1], y + inset.shape[0]), AMBER, max(1, height // 400)
            )
    draw_text(drawn, (0, 0), caption(violation, ref), GREEN)
    return drawn


def plate_picture(ref: FrameRef, picture: Picture, width_px: int) -> Picture:
    """The plate with a little of what is around it, enlarged to a width in px."""
    part = crop(picture, (ref.plate_x1, ref.plate_y1, ref.plate_x2, ref.plate_y2), margin=0.15)
    scale = width_px / part.shape[1]
    size = width_px, max(1, min(width_px, round(part.shape[0] * scale)))
    return np.asarray(cv2.resize(part, size, interpolation=cv2.INTER_CUBIC), dtype=np.uint8)


def vehicle_picture(ref: FrameRef, picture: Picture, width_px: int, height_px: int) -> Picture:
    """The vehicle, boxed, with what is around it: a part of the frame scaled to width x height px."""
    boxed = picture.copy()
    draw_box(boxed, (ref.x1, ref.y1, ref.x2, ref.y2), "")
    full_height, full_width = picture.shape[:2]
    wanted_w = max((ref.x2 - ref.x1) * 1.5, (ref.y2 - ref.y1) * 1.5 * width_px / height_px)
    part_w = min(wanted_w, full_width, full_height * width_px / height_px)
    part_h = part_w * height_px / width_px
    left = min(max((ref.x1 + ref.x2 - part_w) / 2, 0.0), full_width - part_w)
    top = min(max((ref.y1 + ref.y2 - part_h) / 2, 0.0), full_height - part_h)
    return fit_inside(crop(boxed, (left, top, left + part_w, top + part_h)), width_px, height_px)


def has_plate(ref: FrameRef) -> bool:
    """Whether a plate was found on the frame."""
    return ref.plate_x2 - ref.plate_x1 >= 1 and ref.plate_y2 - ref.plate_y1 >= 1


def caption(violation: Violation, ref: FrameRef) -> str:
    """One line in ASCII: when (UTC), camera, plate, and the measurement."""
    at = datetime.fromtimestamp(ref.captured_ms / 1000, UTC)
    camera = ref.evidence_ref.split("/")[1] if ref.evidence_ref.count("/") >= 2 else violation.camera_id
    parts = [
        f"{at:%Y-%m-%d %H:%M:%S}.{ref.captured_ms % 1000:03}Z",
        camera,
        ref.plate_text or "no plate read",
    ]
    if violation.measured_kmh is not None and violation.limit_kmh is not None:
        parts.append(f"{violation.measured_kmh:.1f} km/h, limit {violation.limit_kmh:.0f}")
    if violation.red_ms is not None:
        parts.append(f"red for {violation.red_ms / 1000:.2f} s")
    if violation.dwell_ms is not None:
        parts.append(f"stood for {violation.dwell_ms / 1000:.0f} s")
    return " | ".join(parts).encode("ascii", "replace").decode()
