"""Vehicles with their plates, and the people they are registered to."""

from dataclasses import dataclass, field
from functools import cached_property

import numpy as np

from waysight.simulate.bodies import make_body
from waysight.simulate.figures import Figure, motorcycle
from waysight.simulate.looks import PAINTS, SHADES, random_colour, vehicle_look
from waysight.simulate.mesh import Body
from waysight.simulate.painter import Look
from waysight.simulate.plates import find_design, random_text, soiled

Rng = np.random.Generator
DESIGNS = {"kz": ("kz_2012", "kz_2012", "kz_2012", "kz_1993"), "pe": ("pe_2010",), "ma": ("ma_2000",)}
LABELS = {"bus": "bus", "truck": "truck", "van": "truck", "motorcycle": "motorcycle"}
MAKES = {
    "sedan": ("Hyundai", "Accent"), "hatch": ("Kia", "Rio"), "suv": ("Toyota", "RAV4"), "wagon": ("Lada", "Largus"),
    "minivan": ("Kia", "Carnival"), "bus": ("Yutong", "ZK6118"), "truck": ("KamAZ", "65117"), "van": ("GAZ", "Gazelle"),
    "motorcycle": ("Honda", "CB500"),
}  # fmt: skip
FIRST = ("Aigerim", "Daniyar", "Yerlan", "Madina", "Nurlan", "Saule", "Timur", "Dana", "Arman", "Zarina")
LAST = ("Akhmetov", "Sadykov", "Omarov", "Kim", "Ivanov", "Serikov", "Bekov", "Tulegen", "Nurpeis", "Abenov")
STREETS = ("Abai Ave", "Dostyk Ave", "Satpaev St", "Kabanbay Batyr Ave", "Tole Bi St", "Mangilik El Ave")


@dataclass
class Vehicle:
    """One vehicle: what it is, what it looks like, and whether the register knows its owner.

    `entry` is what the register says of another vehicle whose plate this one bears; `dirt` (0..1) hides its plate.
    """

    plate: str
    design: str
    country: str
    kind: str
    colour: str
    look_seed: int
    owner: dict[str, str] = field(default_factory=dict)
    entry: dict[str, str] = field(default_factory=dict)
    dirt: float = 0.0

    @property
    def label(self) -> str:
        return LABELS.get(self.kind, "car")

    @cached_property
    def built(self) -> tuple[Body | Figure, Look]:
        """Its body and look, the same at every camera."""
        rng = np.random.default_rng(self.look_seed)
        look = vehicle_look(rng, self.colour, self.design, self.plate)
        if self.dirt and look.plate is not None:
            look.plate = soiled(look.plate, self.dirt, np.random.default_rng([self.look_seed, 3]))
        return (motorcycle(rng) if self.kind == "motorcycle" else make_body(self.kind, rng)), look

    def register_row(self) -> dict[str, str]:
        """Its line of the vehicle register; empty owner fields when the owner is not on record."""
        make, model = MAKES[self.kind]
        blank = dict.fromkeys(("owner_name", "owner_id", "owner_address", "owner_kind"), "")
        return {
            "plate": self.plate, "country": self.country, "make": make, "model": model, "type": self.kind,
            "colour": self.colour, **blank, **self.owner, **self.entry,
        }  # fmt: skip


def make_owner(rng: Rng) -> dict[str, str]:
    """An invented owner, usually a person."""
    number = "".join(str(d) for d in rng.integers(0, 10, 12))
    address = f"{rng.choice(STREETS)} {rng.integers(1, 200)}, {rng.choice(['Astana', 'Almaty', 'Shymkent'])}"
    if rng.random() < 0.15:
        name, kind = f"{rng.choice(LAST)} Logistics LLP", "company"
    else:
        name, kind = f"{rng.choice(FIRST)} {rng.choice(LAST)}", "person"
    return {"owner_name": name, "owner_id": number, "owner_address": address, "owner_kind": kind}


def register_as_another(vehicle: Vehicle, rng: Rng, kind: str) -> None:
    """Its plate belongs to a vehicle of this kind and another colour: what passes is not the owner's."""
    others = [name for name in PAINTS if not {name, vehicle.colour} <= SHADES and name != vehicle.colour]
    make, model = MAKES[kind]
    vehicle.owner = make_owner(rng)
    vehicle.entry = {"type": kind, "colour": str(rng.choice(others)), "make": make, "model": model}


def differ(a: str, b: str) -> int:
    """In how many places two plates differ, the difference in length included."""
    return sum(x != y for x, y in zip(a, b, strict=False)) + abs(len(a) - len(b))


class Fleet:
    """Hands out vehicles whose plates differ in at least two characters."""

    def __init__(self, rng: Rng) -> None:
        self.rng = rng
        self.vehicles: list[Vehicle] = []

    def new(self, country: str, kinds: tuple[str, ...], owner: bool = True) -> Vehicle:
        """A vehicle of one of `kinds`; Kazakh ones get an owner on record unless told otherwise."""
        kind = str(self.rng.choice(kinds))
        design = str(self.rng.choice(DESIGNS[country])) if kind != "motorcycle" else "kz_2012_two_line"
        while True:
            plate = random_text(design, self.rng)
            if all(differ(plate, other.plate) >= 2 for other in self.vehicles):
                break
        vehicle = Vehicle(
            plate, design, find_design(design).country, kind, random_colour(self.rng),
            int(self.rng.integers(1 << 31)), make_owner(self.rng) if owner and country == "kz" else {},
        )  # fmt: skip
        self.vehicles.append(vehicle)
        return vehicle
