"""Two officers on the real parts: a race for a lock, a corrected plate up to its fine, many at once, a second look."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from functools import partial
from typing import Any

import pytest
from officers import WHY, keep_frame, own_desk, plates
from workers import eventually, said

from waysight.adapters.clickhouse import connect
from waysight.adapters.kafka import Publisher, read_all
from waysight.adapters.registry import ConfluentRegistry
from waysight.authority.review import acts as review_acts
from waysight.authority.review.desk import Desk
from waysight.codec import Codec
from waysight.errors import NotAllowed
from waysight.messages import Review, Vehicle, Violation
from waysight.settings import Settings

pytestmark = pytest.mark.integration
OCCURRED_MS = 1_794_805_210_000
Run = Callable[..., Any]


@pytest.fixture(scope="module")
def settings(stack: Settings, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Settings]:
    """The stack with a database and an evidence folder of this file's own, and its workers."""
    folder, name = tmp_path_factory.mktemp("review"), f"t{uuid.uuid4().hex[:12]}"
    with own_desk(stack, folder, name, "fine", "store", "ledger") as found:
        yield found


@pytest.fixture
def run(settings: Settings) -> Run:
    """Runs a command in this process and gives its JSON, or raises what it raised."""
    return partial(said, settings)


@pytest.fixture
def codec(settings: Settings) -> Codec:
    """The codec of the stack."""
    return Codec(ConfluentRegistry(settings.registry))


def car(plate: str, **changes: Any) -> Vehicle:
    base: dict[str, Any] = {"plate": plate, "country": "kz", "make": "Kia", "model": "Rio", "type": "sedan", "colour": "white",
                            "owner_id": "9001", "owner_name": "Айгерім Қ.", "owner_address": "Astana", "owner_kind": "person"}  # fmt: skip
    return Vehicle(**{**base, **changes})


def publish(settings: Settings, codec: Codec, violation_id: str, plate: str, **changes: Any) -> Violation:
    """A violation by average speed with two pictures in the store, on `violations` and soon in ClickHouse."""
    refs = [
        keep_frame(settings, camera, at_ms, violation_id, plate)
        for camera, at_ms in (("kz-a1-entry", OCCURRED_MS - 27_480), ("kz-a1-exit", OCCURRED_MS))
    ]
    violation = Violation(
        violation_id=violation_id, offence="average_speed", camera_id="kz-a1-exit", section_id="a1-112-113", country="kz",
        location="A-1 km 113", occurred_ms=OCCURRED_MS, plate=plate, plate_country="kz", plate_confidence=0.97, label="car",
        colour="white", measured_kmh=132.2, uncertainty_kmh=1.2, enforced_kmh=131.0, limit_kmh=110.0, distance_m=1000.0,
        duration_ms=27_480, enforceable=True, obstacles=(), certificate="KZ.02.03 / AA-17", sighting_ids=("s1", "s2"),
        evidence=tuple(refs), rule_pack="kz@2026.12", models="m7", origin_partition=0, origin_offset=1, ordinal=0,
    )  # fmt: skip
    violation = replace(violation, **changes)
    publisher = Publisher(settings, codec)
    publisher.publish("violations", plate, violation)
    publisher.flush()
    return violation


def register_cars(settings: Settings, codec: Codec, *cars: Vehicle) -> None:
    publisher = Publisher(settings, codec)
    for entry in cars:
        publisher.publish("vehicles", entry.plate, entry)
    publisher.flush()


def stored(settings: Settings, *violation_ids: str) -> None:
    """Waits until the violations are in ClickHouse."""
    client = connect(settings)
    sql = "SELECT count() AS n FROM violations_current WHERE violation_id IN {ids:Array(String)}"
    asked = {"ids": list(violation_ids)}
    seen = eventually(lambda: client.rows(sql, asked)[0]["n"], lambda n: n == len(violation_ids))
    assert seen == len(violation_ids)
    client.close()


def reviewed(settings: Settings, violation_id: str, count: int) -> None:
    """Waits until so many reviews of a violation are in ClickHouse."""
    client = connect(settings)
    sql = "SELECT count() AS n FROM reviews_current WHERE violation_id = {id:String}"
    assert eventually(lambda: client.rows(sql, {"id": violation_id})[0]["n"], lambda n: n >= count) >= count
    client.close()


def reviews_in_the_log(settings: Settings, codec: Codec, violation: Violation) -> list[Review]:
    found = [r for _, r in read_all(settings, codec, "reviews", {violation.plate})]
    return [r for r in found if r.violation_id == violation.violation_id]


def test_two_officers_never_decide_the_same(settings: Settings, codec: Codec, unique: str) -> None:
    (plate,) = plates(1)
    register_cars(settings, codec, car(plate))
    violation = publish(settings, codec, unique, plate)
    stored(settings, unique)

    def decide(name: str) -> str:
        desk = Desk(settings, codec, name)
        try:
            if name.endswith("even"):
                review_acts.accept(desk, violation)
            else:
                review_acts.reject(desk, violation, "other")
        except NotAllowed as error:
            return str(error)
        return ""

    names = [f"Officer {n} {'even' if n % 2 == 0 else 'odd'}" for n in range(4)]
    with ThreadPoolExecutor(4) as pool:
        said = list(pool.map(decide, names))
    found = reviews_in_the_log(settings, codec, violation)
    # An accepted one may be rejected afterwards, by who came second; nobody may decide while another does.
    assert len(found) == said.count("") >= 1
    assert [r.decision for r in found] in (
        ["accepted"],
        ["rejected"],
        ["accepted", "rejected"],
        ["rejected", "accepted"],
    )
    assert all("held by" in s or "decided already" in s for s in said if s)


def test_a_lock_is_kept_extended_and_given_back(
    settings: Settings, codec: Codec, run: Run, unique: str
) -> None:
    (plate,) = plates(1)
    register_cars(settings, codec, car(plate))
    publish(settings, codec, unique, plate)
    stored(settings, unique)
    mine, yours = ("--officer", "Officer A."), ("--officer", "Officer B.")
    first = run("review", "take", unique, *mine, "--minutes", "5", *WHY)
    assert run("review", "take", unique, *mine, *WHY)["until_ms"] > first["until_ms"]
    with pytest.raises(NotAllowed, match=r"held by Officer A\."):
        run("review", "take", unique, *yours, *WHY)
    with pytest.raises(NotAllowed, match=r"held by Officer A\."):
        run("review", "accept", unique, *yours)
    (row,) = [w for w in run("review", "list", *yours, *WHY) if w["violation_id"] == unique]
    assert (row["holder"], row["stage"], row["severity"]) == ("Officer A.", "first", 21)
    assert all(w["violation_id"] != unique for w in run("review", "list", "--next", *yours, *WHY))
    run("review", "give-back", unique, *yours)  # not theirs: nothing happens
    with pytest.raises(NotAllowed, match="held by"):
        run("review", "accept", unique, *yours)
    run("review", "give-back", unique, *mine)
    assert run("review", "accept", unique, *yours)["officer"] == "Officer B."
    # ClickHouse may not have it yet; the log has.
    with pytest.raises(NotAllowed, match="decided already"):
        run("review", "accept", unique, *mine)


def test_a_corrected_plate_up_to_its_fine(settings: Settings, codec: Codec, run: Run, unique: str) -> None:
    misread, right = plates(2)
    register_cars(settings, codec, car(right))
    publish(settings, codec, unique, misread)
    stored(settings, unique)
    with pytest.raises(NotAllowed, match="register_missing"):
        run("review", "accept", unique, "--officer", "Officer A.")
    with pytest.raises(NotAllowed, match="review correct"):
        run("review", "accept", unique, "--officer", "Officer A.", "--plate", right)
    done = run("review", "correct", unique, "--plate", f"{right[:3]} {right[3:]}", "--officer", "Officer A.")
    instead = done["violation"]["violation_id"]
    assert (
        done["review"]["decision"],
        done["review"]["original_plate"],
        done["review"]["corrected_plate"],
    ) == (
        "returned",
        misread,
        right,
    )
    assert done["violation"]["read_plate"] == misread
    stored(settings, unique, instead)
    for name, words in (("Officer A.", "you corrected its plate"), ("Officer B.", "give it with --plate")):
        with pytest.raises(NotAllowed, match=words):
            run("review", "accept", instead, "--officer", name)
    with pytest.raises(NotAllowed, match="decide on the violation that replaces it"):
        run("review", "accept", unique, "--officer", "Officer B.", "--plate", misread)
    with pytest.raises(NotAllowed, match="returned already"):
        run("review", "correct", unique, "--plate", "001AAA02", "--officer", "Officer B.")
    accepted = run("review", "accept", instead, "--officer", "Officer B.", "--plate", right)
    assert accepted["conflicts"] == ["corrected"]
    (fine,) = eventually(lambda: run("fines", "list", "--plate", right, *WHY), bool)
    assert (fine["officer"], fine["plate"], fine["violation_id"]) == ("Officer B.", right, instead)
    assert run("fines", "list", "--plate", misread, *WHY) == []


def test_the_law_may_ask_for_two_officers(settings: Settings, codec: Codec, run: Run, unique: str) -> None:
    (plate,) = plates(1)
    register_cars(settings, codec, car(plate))
    publish(settings, codec, unique, plate, offence="wrong_way", distance_m=None, duration_ms=None, measured_kmh=None,
            enforced_kmh=None, limit_kmh=None)  # fmt: skip
    stored(settings, unique)
    assert run("review", "accept", unique, "--officer", "Officer A.")["stage"] == "first"
    with pytest.raises(NotAllowed, match="waits for another officer"):
        run("review", "accept", unique, "--officer", "officer a.")
    reviewed(settings, unique, 1)

    def seen_by(name: str) -> list[str]:
        waiting = run("review", "list", "--offence", "wrong_way", "--officer", name, *WHY)
        return [w["stage"] for w in waiting if w["violation_id"] == unique]

    assert (seen_by("Officer A."), seen_by("Officer B.")) == ([], ["second"])
    assert run("review", "accept", unique, "--officer", "Officer B.")["stage"] == "second"
    reviewed(settings, unique, 2)
    assert seen_by("Officer C.") == []


def test_many_at_once_but_no_conflict_then_a_second_look(
    settings: Settings, codec: Codec, run: Run, unique: str
) -> None:
    numbers = plates(4)
    ids, camera = [f"{unique}{n}" for n in range(4)], f"cam-{unique}"
    register_cars(settings, codec, car(numbers[0]), car(numbers[1]), car(numbers[2], colour="red"))
    for violation_id, plate in zip(ids, numbers, strict=True):
        publish(settings, codec, violation_id, plate, camera_id=camera)
    stored(settings, *ids)
    with pytest.raises(NotAllowed, match="--offence or --camera"):
        run("review", "accept-all", "--officer", "Officer A.", *WHY)
    run("review", "take", ids[1], "--officer", "Officer B.", *WHY)
    done = run("review", "accept-all", "--officer", "Officer A.", "--camera", camera, *WHY)
    assert [(r["violation_id"], r["bulk"], r["conflicts"]) for r in done["accepted"]] == [(ids[0], True, [])]
    assert "register_colour" in done["left"][ids[2]]
    assert "register_missing" in done["left"][ids[3]]
    with pytest.raises(NotAllowed, match="--despite"):
        run("review", "accept", ids[2], "--officer", "Officer A.")
    known = ("--officer", "Officer A.", "--despite", "register_colour")
    with pytest.raises(NotAllowed, match="--note"):
        run("review", "accept", ids[2], *known)
    accepted = run("review", "accept", ids[2], *known, "--note", "painted; the owner told us")
    assert (accepted["conflicts"], accepted["bulk"]) == (["register_colour"], False)
    for violation_id in (ids[0], ids[2]):
        reviewed(settings, violation_id, 1)

    def drawn(officer: str) -> set[str]:
        found = run("review", "sample", "--share", "1", "--officer", officer, *WHY)["violations"]
        return {v["violation_id"] for v in found} & set(ids)

    assert (drawn("Officer A."), drawn("Officer C.")) == (set(), {ids[0], ids[2]})
    with pytest.raises(NotAllowed, match="another officer checks it"):
        run("review", "check", ids[0], "--officer", "Officer A.")
    assert run("review", "check", ids[0], "--officer", "Officer C.")["stage"] == "quality"
    wrong = run("review", "check", ids[2], "--officer", "Officer C.", "--disagree", "wrong_vehicle")
    assert (wrong["decision"], wrong["stage"]) == ("rejected", "quality")
    cancelled = eventually(
        lambda: run("fines", "list", "--plate", numbers[2], *WHY),
        lambda f: f[0]["status"] == "cancelled",
    )
    assert [f["status"] for f in cancelled] == ["cancelled"]
    reviewed(settings, ids[0], 2)
    reviewed(settings, ids[2], 2)
    assert drawn("Officer D.") == set()
    (row,) = [r for r in run("review", "stats") if r["name"] == camera]
    assert {k: row[k] for k in ("decided", "accepted", "rejected", "returned", "checked", "disagreed")} == {
        "decided": 2, "accepted": 1, "rejected": 1, "returned": 0, "checked": 2, "disagreed": 1}  # fmt: skip
    assert row["rejected_rate"]["rate"] == 0.5
    assert any(r["name"] == "wrong_vehicle" for r in run("review", "stats", "--by", "reason"))
    assert "m7" in {r["name"] for r in run("review", "stats", "--by", "models")}
