"""One camera's clip: pictures of the city, encoded as H.264 with a keyframe each second."""

from collections.abc import Callable
from pathlib import Path

import av
import cv2
import numpy as np
from numpy.typing import NDArray

from waysight.simulate.backdrop import make_backdrop
from waysight.simulate.city import City
from waysight.simulate.painter import Pose, fixed
from waysight.simulate.scene import Actor, paint_actor
from waysight.simulate.sites import STOP_LINE_M, Site
from waysight.simulate.traffic import Drive, Stroll

Image = NDArray[np.uint8]
LAMPS = {"red": (0, (40, 40, 255)), "amber": (1, (40, 180, 255)), "green": (2, (120, 255, 60))}
NOISE_TILES = 5


class Film:
    """Draws the pictures of one camera, each from its number alone."""

    def __init__(self, city: City, site: Site) -> None:
        self.city, self.site = city, site
        number = next(i for i, other in enumerate(city.sites) if other.camera_id == site.camera_id)
        self.rng = np.random.default_rng([city.seed, 29, number])
        self.background = make_backdrop(site.view, site.road, site.light, self.rng)
        self.drives = [d for d in city.drives if d.site is site]
        self.strolls = [s for s in city.strolls if s.site is site]
        shape = (site.view.height_px, site.view.width_px)
        sigma = 1.4 + 1.0 * site.light.dark
        grains = [self.rng.standard_normal(shape, np.float32) * sigma for _ in range(NOISE_TILES)]
        self.tiles = [
            (np.clip(g, 0, 90).astype(np.uint8), np.clip(-g, 0, 90).astype(np.uint8)) for g in grains
        ]

    def actors(self, t: float) -> list[Actor]:
        """Everyone near the camera at city time `t`, far ones first."""
        found = [self._driver(d, t) for d in self.drives if -14 < d.motion.y(t) < 130]
        found += [self._walker(s, t) for s in self.strolls if s.begin_s <= t <= s.end_s]
        return sorted(found, key=lambda a: -a.pose.y_m)

    def _driver(self, drive: Drive, t: float) -> Actor:
        thing, look = drive.built
        look.headlamps = self.site.light.dark > 0.3
        look.braking = drive.motion.braking(t)
        return Actor(thing, drive.pose(t), look, drive.vehicle.plate)

    def _walker(self, stroll: Stroll, t: float) -> Actor:
        figure, look = stroll.built(t)
        pose: Pose = stroll.pose(t)
        return Actor(figure, pose, look)

    def picture(self, number: int) -> Image:
        """Frame `number` before the sensor's noise, uint8 BGR (h, w, 3)."""
        t = self.site.lag_s + number / self.city.fps(self.site)
        picture = self.background.copy()
        for actor in self.actors(t):
            paint_actor(picture, self.site.view, actor, self.site.light)
        if self.site.road.stop_line_m is not None:
            self._traffic_light(picture, self.city.light_state(t))
        return picture

    def planes(self, number: int) -> Image:
        """Frame `number` as the encoder takes it: planar YUV 4:2:0, uint8 (h * 3 / 2, w), with noise."""
        planes = np.asarray(cv2.cvtColor(self.picture(number), cv2.COLOR_BGR2YUV_I420), np.uint8)
        height = self.site.view.height_px
        more, less = self.tiles[(number * 7 + number // NOISE_TILES) % NOISE_TILES]
        cv2.subtract(cv2.add(planes[:height], more, dst=planes[:height]), less, dst=planes[:height])
        return planes

    def _traffic_light(self, picture: Image, state: str) -> None:
        x, y = self.site.road.half_m + 0.9, STOP_LINE_M - 4.0
        corners = np.array(
            [[x - 0.18, y, 3.2], [x + 0.18, y, 3.2], [x + 0.18, y, 2.2], [x - 0.18, y, 2.2], [x, y, 0.0]]
        )
        pixels, _ = self.site.view.project(corners)
        foot, middle = pixels[4].astype(int).tolist(), pixels[2:4].mean(axis=0).astype(int).tolist()
        cv2.line(
            picture, foot, middle, (90, 92, 92), max(2, int(0.12 * self.site.view.px_per_m(y))), cv2.LINE_AA
        )
        cv2.fillPoly(picture, [fixed(pixels[:4])], (38, 38, 38), cv2.LINE_AA, 3)
        place, colour = LAMPS[state]
        for k in range(3):
            centre, _ = self.site.view.project(np.array([[x, y, 3.04 - 0.34 * k]]))
            radius = max(2, int(0.13 * self.site.view.px_per_m(y)))
            shown = colour if k == place else (55, 55, 55)
            cv2.circle(picture, centre[0].astype(int).tolist(), radius, shown, -1, cv2.LINE_AA)


def write_clip(city: City, site: Site, path: Path, progress: Callable[[int], None]) -> None:
    """Renders a camera's clip to an MP4 file; `progress` gets the number of finished frames now and then."""
    film = Film(city, site)
    fps = city.fps(site)
    frames = round(city.seconds * fps)
    options = {
        "preset": "ultrafast", "crf": "21", "g": str(fps), "keyint_min": str(fps), "sc_threshold": "0", "bf": "0",
        "slices": "1", "threads": "1", "movflags": "+faststart",
    }  # fmt: skip
    partial = path.with_suffix(".partial.mp4")
    with av.open(str(partial), "w", options={"movflags": "+faststart"}) as container:
        stream = container.add_stream("libx264", rate=fps, options=options)
        stream.width, stream.height, stream.pix_fmt = site.view.width_px, site.view.height_px, "yuv420p"
        for number in range(frames):
            frame = av.VideoFrame.from_ndarray(film.planes(number), format="yuv420p")
            frame.pts = number
            container.mux(stream.encode(frame))
            if number % fps == fps - 1:
                progress(number + 1)
        container.mux(stream.encode())
    partial.replace(path)
