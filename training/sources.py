"""Openly licensed pictures for training, cut once into a cache folder.

Only what the data folder's README allows for training is read: the CCTV stills (MIT) and five clips (MIT,
CC-BY-4.0). Real number plates in them are blurred, found by a public detector (HyperLPR, Apache-2.0), so
that they are neither trained on as background nor kept.
"""

from __future__ import annotations

from pathlib import Path

import av
import cv2
import numpy as np
import numpy.typing as npt
import onnxruntime
from waysight.triton_models.vision.sessions import open_session

Bgr = npt.NDArray[np.uint8]
CLIPS = {  # clip: seconds between two pictures
    "street-us.mp4": 0.5,
    "highway-small.avi": 0.5,
    "toll-1.mp4": 1.0,
    "cars-overhead.mp4": 1.0,
    "persons-indoor.mp4": 2.0,
}
LONG_SIDE_PX = 1280
PLATE_TEACHER = "y5fu_640x_sim.onnx"


def clip_frames(path: Path, every_s: float) -> list[Bgr]:
    """Pictures of a clip, one each `every_s` seconds, uint8 BGR (h, w, 3)."""
    frames: list[Bgr] = []
    with av.open(str(path)) as container:
        due_s = 0.0
        for frame in container.decode(video=0):
            if frame.time is not None and frame.time >= due_s:
                frames.append(frame.to_ndarray(format="bgr24"))
                due_s = frame.time + every_s
    return frames


def shrink(image: Bgr, long_side_px: int = LONG_SIDE_PX) -> Bgr:
    """The picture with its long side at most `long_side_px`."""
    scale = long_side_px / max(image.shape[:2])
    if scale >= 1:
        return image
    return np.asarray(cv2.resize(image, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA), np.uint8)


def teacher_plates(
    session: onnxruntime.InferenceSession, image: Bgr, threshold: float
) -> npt.NDArray[np.float32]:
    """Plate boxes xyxy of the public detector in pixels of `image`, float32 (n, 4)."""
    scale = 640 / max(image.shape[:2])
    canvas = np.zeros((640, 640, 3), np.uint8)
    small = cv2.resize(image, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)
    canvas[: small.shape[0], : small.shape[1]] = small[:640, :640]
    feed = np.ascontiguousarray(canvas[:, :, ::-1].transpose(2, 0, 1)[None]).astype(np.float32) / 255
    rows = session.run(None, {session.get_inputs()[0].name: feed})[0][0]
    rows = rows[rows[:, 4] > threshold]
    centre, size = rows[:, :2], rows[:, 2:4]
    return (np.hstack([centre - size / 2, centre + size / 2]) / scale).astype(np.float32)


def blur_boxes(image: Bgr, boxes: npt.NDArray[np.float32]) -> None:
    """Makes the inside of each box (grown by a fifth) unreadable, in place."""
    for left, top, right, bottom in boxes:
        grow_x, grow_y = (right - left) * 0.1 + 2, (bottom - top) * 0.2 + 2
        x0, y0 = max(0, int(left - grow_x)), max(0, int(top - grow_y))
        region = image[y0 : int(bottom + grow_y), x0 : int(right + grow_x)]
        if region.size:
            cv2.blur(region, (2 * (region.shape[1] // 3) + 1, 2 * (region.shape[0] // 2) + 1), dst=region)


def backgrounds(data: Path, cache: Path) -> list[Bgr]:
    """Training pictures with real plates blurred, long side at most 1280; an empty list without the data folder."""
    folder = cache / "backgrounds"
    if not (folder / "complete").exists():
        if not (data / "footage").is_dir():
            return []
        folder.mkdir(parents=True, exist_ok=True)
        session = open_session(data / "models" / PLATE_TEACHER)
        pictures = [
            (clip, frame)
            for clip, every_s in CLIPS.items()
            for frame in clip_frames(data / "footage" / clip, every_s)
        ]
        stills = sorted((data / "detection" / "cctv").glob("*.jpg"))
        pictures += [(still.stem, cv2.imread(str(still))) for still in stills]
        for index, (name, picture) in enumerate(pictures):
            small = shrink(picture)
            blur_boxes(small, teacher_plates(session, small, 0.1))
            cv2.imwrite(
                str(folder / f"{index:05d}-{Path(name).stem}.jpg"), small, [cv2.IMWRITE_JPEG_QUALITY, 92]
            )
        (folder / "complete").touch()
    return [cv2.imread(str(path)) for path in sorted(folder.glob("*.jpg"))]
