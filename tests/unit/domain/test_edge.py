"""Reads at places without video: each a sighting once, by devices of one kind, in any order."""

from __future__ import annotations

from dataclasses import replace

from devices import GATE, POLE, read
from hypothesis import given
from hypothesis import strategies as st
from synthetic import START_MS

from waysight.domain import edge
from waysight.domain.edge import KEEP_MS, Seen
from waysight.domain.enforcement.beside import LATE_MS
from waysight.messages import FrameRef

ANPR = {"device_id": "anpr-1", "device_kind": "anpr", "camera_id": "pole"}
PLATED = read(1, 0, plate="123ABC02", plate_confidence=0.99, **ANPR)


def test_one_kind_of_device_counts_at_a_place() -> None:
    assert edge.tells(POLE, PLATED)
    assert not edge.tells(POLE, read(1, 0, camera_id="pole")), (
        "the radar beside an ANPR camera counts nothing"
    )
    assert edge.tells(replace(POLE, devices=POLE.devices[1:]), read(1, 0, camera_id="pole"))
    assert not edge.tells(replace(POLE, video=True), PLATED), "the picture counts where there is one"
    assert not edge.tells(POLE, replace(PLATED, device_id="anpr-9")), "not registered"
    assert not edge.tells(GATE, read(1, 0))


def test_votes_are_pictures_that_the_device_read_alike() -> None:
    def shown(at_ms: int, text: str) -> FrameRef:
        return FrameRef(captured_ms=START_MS + at_ms, evidence_ref=f"f{at_ms}", sha256="", x1=0, y1=0, x2=0, y2=0,
                        plate_x1=0, plate_y1=0, plate_x2=0, plate_y2=0, plate_text=text, plate_confidence=0.9)  # fmt: skip

    assert edge.sighting_of(POLE, PLATED).plate_votes == 1
    twice = replace(PLATED, evidence=(shown(0, "123ABC02"), shown(200, "123ABC02"), shown(400, "123ABO02")))
    made = edge.sighting_of(POLE, twice)
    assert (made.plate_votes, made.best_frame, made.second_frame) == (2, twice.evidence[0], twice.evidence[1])


def test_a_loop_counts_and_names_nobody() -> None:
    made = edge.sighting_of(POLE, replace(PLATED, device_kind="loop"))
    assert (made.plate, made.plate_country, made.plate_votes) == ("", "", 0)
    assert not edge.is_heartbeat(read(1, 0, device_kind="loop"))


def test_a_read_that_measures_nothing_is_a_heartbeat() -> None:
    seen, what = edge.step(Seen(), read(1, LATE_MS, **ANPR))
    assert (what, edge.time_ms(seen), seen.minutes) == ("heartbeat", START_MS // 1000 * 1000, ())


def test_what_is_too_old_to_be_known_is_late() -> None:
    seen, _ = edge.step(Seen(), replace(PLATED, captured_ms=START_MS + KEEP_MS + 1))
    assert edge.step(seen, PLATED) == (seen, "late")


@given(st.lists(st.tuples(st.integers(0, 20), st.booleans()), max_size=40))
def test_each_read_is_told_once(told: list[tuple[int, bool]]) -> None:
    seen, new = Seen(), []
    for number, _ in told:
        seen, what = edge.step(
            seen, replace(PLATED, read_id=f"r{number}", captured_ms=START_MS + number * 60_000)
        )
        if what == "new":
            new.append(number)
    assert sorted(new) == sorted({n for n, _ in told})
    later, _ = edge.step(seen, replace(PLATED, read_id="last", captured_ms=START_MS + 10**9))
    assert len(later.minutes) == 1, "enough time empties it"
