"""Colours, clothes and writing: what tells one simulated road user from another."""

import cv2
import numpy as np
from numpy.typing import NDArray

from waysight.simulate.painter import Look
from waysight.simulate.plates import plate_size_m, render_plate

Rng = np.random.Generator
Colour = tuple[float, float, float]

PAINTS: dict[str, Colour] = {
    "white": (236, 238, 238),
    "silver": (192, 192, 190),
    "grey": (116, 114, 112),
    "black": (40, 38, 38),
    "red": (46, 40, 190),
    "blue": (160, 80, 38),
    "green": (66, 112, 44),
    "yellow": (44, 200, 236),
    "orange": (36, 120, 236),
    "brown": (44, 66, 104),
}
SHADES = frozenset(("white", "silver", "grey", "black"))  # light alone decides which of two neighbours it is
SHARES = (0.26, 0.16, 0.14, 0.17, 0.08, 0.08, 0.03, 0.03, 0.02, 0.03)
WORDS = (
    "CARGO",
    "EXPRESS",
    "LOGISTICA",
    "TRANS 24",
    "MARKET",
    "TOO NUR",
    "FRESH",
    "POSTA",
    "AGUA",
    "777 777",
)


def random_colour(rng: Rng) -> str:
    """A colour name with about the shares seen on roads."""
    return str(rng.choice(list(PAINTS), p=SHARES))


def _vary(colour: Colour, rng: Rng, spread: float) -> Colour:
    moved = np.clip(
        np.asarray(colour) * rng.uniform(1 - spread / 2, 1 + spread / 2) + rng.normal(0, 60 * spread, 3),
        8,
        250,
    )
    return (float(moved[0]), float(moved[1]), float(moved[2]))


def writing(rng: Rng) -> NDArray[np.uint8]:
    """An advertisement for a lorry's side: words on a coloured ground, uint8 BGR (80, 240, 3)."""
    ground = _vary(PAINTS[random_colour(rng)], rng, 0.2)
    ink = (245, 245, 245) if sum(ground) < 380 else (40, 30, 30)
    picture = np.full((80, 240, 3), ground, np.uint8)
    word = str(rng.choice(WORDS))
    cv2.putText(
        picture, word, (12, 54), cv2.FONT_HERSHEY_DUPLEX, min(1.6, 11 / len(word)), ink, 3, cv2.LINE_AA
    )
    return picture


def vehicle_look(rng: Rng, colour: str, plate_design: str | None, plate_text: str | None) -> Look:
    """The look of a motor vehicle in a named colour, with its plate when a text is given."""
    paint = _vary(PAINTS[colour], rng, 0.08)
    cargo = _vary(
        PAINTS[str(rng.choice(["white", "white", "silver", "grey", "blue", "green", "orange"]))], rng, 0.15
    )
    colours = {
        "paint": paint,
        "cargo": cargo,
        "cargo_panel": tuple(c * 0.9 for c in cargo),
        "stripe": _vary(PAINTS[random_colour(rng)], rng, 0.2),
        "helmet": _vary(PAINTS[random_colour(rng)], rng, 0.2),
        "white": (225.0, 225.0, 225.0),
        "hair": (35.0, 38.0, 44.0),
        "skin": (110.0, 140.0, 190.0),
        "top": _vary(PAINTS[random_colour(rng)], rng, 0.3),
        "legs": _vary(PAINTS[str(rng.choice(["black", "blue", "grey"]))], rng, 0.3),
        "shoes": (40.0, 40.0, 44.0),
    }
    look = Look(colours, {"writing": writing(rng)})  # type: ignore[arg-type]
    if plate_design is not None and plate_text is not None:
        look.plate = render_plate(plate_design, plate_text, 96)
        look.plate_size_m = plate_size_m(plate_design)
    return look


def person_look(rng: Rng) -> Look:
    """Clothes and skin of a walker or cyclist."""
    skin = np.array([105.0, 140, 195]) * rng.uniform(0.45, 1.1)
    return Look(
        {
            "paint": _vary(PAINTS[random_colour(rng)], rng, 0.3),
            "skin": (float(skin[0]), float(skin[1]), float(skin[2])),
            "hair": _vary((40, 48, 60), rng, 0.5),
            "helmet": _vary(PAINTS[random_colour(rng)], rng, 0.3),
            "top": _vary(PAINTS[random_colour(rng)], rng, 0.4),
            "legs": _vary(PAINTS[str(rng.choice(["black", "blue", "grey", "brown"]))], rng, 0.4),
            "shoes": _vary((60, 60, 64), rng, 0.5),
        }
    )
