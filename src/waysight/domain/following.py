"""Following: each sighting of a vehicle that an authorisation allows to follow becomes a point of its path."""

from __future__ import annotations

from waysight.domain.authorisations import FOLLOW, Authorisations
from waysight.domain.ids import derive_id
from waysight.domain.scene import Scene
from waysight.messages.governance import Authorisation, FollowPoint
from waysight.messages.perception import Sighting


def followed(authorisations: Authorisations) -> frozenset[str]:
    """Every plate that some authorisation allows to follow, in force or not: whoever is not in it is not looked at."""
    return frozenset(plate for record in authorisations.of(FOLLOW) for plate in record.subjects)


def points(authorisations: Authorisations, scene: Scene, sighting: Sighting) -> list[FollowPoint]:
    """One point for each authorisation that allows to follow the sighting's plate there and then.

    Its id is that of authorisation and sighting: a later revision of the sighting replaces it. Origin fields are 0.
    """
    allowing = authorisations.all_allowing(FOLLOW, sighting.plate, scene, sighting.captured_ms)
    return [_point(record, scene, sighting) for record in allowing]


def _point(record: Authorisation, scene: Scene, sighting: Sighting) -> FollowPoint:
    return FollowPoint(
        point_id=derive_id("follow", record.authorisation_id, sighting.sighting_id),
        authorisation_id=record.authorisation_id,
        plate=sighting.plate,
        sighting_id=sighting.sighting_id,
        revision=sighting.revision,
        camera_id=sighting.camera_id,
        location=scene.place,
        lat=scene.lat,
        lon=scene.lon,
        captured_ms=sighting.captured_ms,
        plate_confidence=sighting.plate_confidence,
        label=sighting.label,
        colour=sighting.colour,
        speed_kmh=sighting.speed_kmh,
        evidence=sighting.best_frame,
        origin_partition=0,
        origin_offset=0,
        ordinal=0,
    )
