"""The busy city offends in every way, near every bound, and its truth says what measuring may make of it."""

import json

import numpy as np
import pytest

from waysight.simulate.busy import NEAR_KMH, build_busy_city, over_kmh
from waysight.simulate.city import City
from waysight.simulate.fleet import differ
from waysight.simulate.looks import SHADES
from waysight.simulate.plates import render_plate, soiled
from waysight.simulate.render import Order
from waysight.simulate.truth import make_truth

START_MS = 1_794_805_200_000


@pytest.fixture(scope="module")
def busy() -> City:
    return build_busy_city(4, 20.0, START_MS)


@pytest.fixture(scope="module")
def truth(busy: City) -> dict:
    return make_truth(busy)


def test_the_order_builds_it_and_the_same_seed_gives_the_same_truth(truth: dict) -> None:
    order = Order(4, 20.0, START_MS, busy=True)
    city = order.build()
    assert json.dumps(make_truth(city)) == json.dumps(truth)
    assert order.clip_names() == [f"{site.camera_id}.mp4" for site in city.sites]
    assert [city.fps(site) for site in city.sites] == [1, 1, 5]  # what is looked at, no more
    assert order.key() != Order(4, 20.0, START_MS).key()


def test_most_offend_in_every_way(truth: dict) -> None:
    assert {v["offence"] for v in truth["violations"]} == {"average_speed", "spot_speed", "red_light"}
    assert len(truth["violations"]) > 0.4 * len({p["plate"] for p in truth["passes"]})
    assert len(truth["fines"]) >= 8


def test_speeds_lie_on_both_sides_of_bounds() -> None:
    rng = np.random.default_rng(1)
    over = np.array([over_kmh(rng) for _ in range(400)])
    for bound in (10, 20, 40):
        near = over[np.abs(over - bound) <= NEAR_KMH]
        assert 10 < (near > bound).sum() < 200
        assert (near < bound).sum() > 5
    assert (over < 7).sum() > 20


def test_the_lowest_amount_is_a_tier_at_or_below_the_true_one(truth: dict) -> None:
    speeding = [f for f in truth["fines"] if f["offence"] != "red_light"]
    assert all(0 <= f["lowest_amount"] <= f["amount"] for f in speeding)
    assert all(f["lowest_amount"] == f["amount"] for f in truth["fines"] if f["offence"] == "red_light")
    for violation in truth["violations"]:
        over = (violation["speed_kmh"] or 0) - (violation["limit_kmh"] or 0)
        for fine in truth["fines"]:
            if (fine["plate"], fine["offence"]) == (violation["plate"], "average_speed") and 26 < over < 38:
                assert fine["lowest_amount"] == fine["amount"]


def test_nobody_is_fined_for_a_vehicle_that_bears_their_plate(busy: City, truth: dict) -> None:
    borne = [v for v in busy.fleet.vehicles if v.entry]
    assert sorted(v.plate for v in borne) == truth["other_entries"]
    assert not {v.plate for v in borne} & {f["plate"] for f in truth["fines"]}
    for vehicle in borne:  # light alone could not have turned one colour into the other
        assert not {vehicle.colour, vehicle.entry["colour"]} <= SHADES


def test_the_register_knows_lookalikes_that_nobody_drives(busy: City) -> None:
    driving = [v.plate for v in busy.fleet.vehicles]
    assert len(busy.on_record) > len(driving)
    for other in busy.on_record:
        assert min(differ(other.plate, plate) for plate in driving) == 1
        assert other.owner


def test_mud_hides_a_plate_and_leaves_the_clean_one_as_it_was() -> None:
    clean = render_plate("kz_2012", "123ABC02")
    before = clean.copy()
    little, much = (soiled(clean, dirt, np.random.default_rng(1)) for dirt in (0.1, 0.9))
    assert (clean == before).all()
    assert little.shape == clean.shape
    change = [np.abs(p.astype(int) - clean).mean() for p in (little, much)]
    assert 0 < change[0] < change[1]
