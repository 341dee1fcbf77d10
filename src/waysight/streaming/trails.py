"""What `match` says of vehicles beyond one sighting: cloned plates, followed ones, convoys.

Each is a set of facts in the partition's state and a pure function of that set (domain/cloned.py, following.py,
convoy.py), so that the order in which the facts come says nothing.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import NamedTuple

from waysight.cameras.scenes import Scenes
from waysight.domain import cloned, convoy, following
from waysight.domain.authorisations import Authorisations
from waysight.domain.cloned import ClonedRules, Episode
from waysight.domain.convoy import ConvoyRules, Meetings
from waysight.domain.episodes import KEEP_MS
from waysight.domain.matching import PURPOSE
from waysight.domain.recent import Recent, Seen, Span
from waysight.engine import PartitionState
from waysight.errors import BadConfiguration
from waysight.messages import Alert, Companion, FollowPoint, Sighting
from waysight.settings import Settings
from waysight.streaming.journal import Journal

_SWEEP_MS = 60_000


class Fresh(NamedTuple):
    """An alert as if told for the first time, and when (event time) it may be forgotten."""

    alert: Alert
    forget_ms: int


class Memory:
    """Recent sightings with the records that they are kept in."""

    def __init__(self, state: PartitionState, table: str, span: Span) -> None:
        self._journal = Journal[Seen](state, table, tuple[Seen, ...])
        self.recent = Recent(span, self._journal)
        self._new: list[Seen] = []

    def meet(self, seen: Seen) -> tuple[Seen, ...]:
        """The others that a sighting meets, none when it is known already; `write` keeps it."""
        others = self.recent.meet(seen)
        if others is not None:
            self._new.append(seen)
        return others or ()

    def write(self, state: PartitionState) -> None:
        """Keep what is new, forget what is over."""
        self.recent.forget(self._journal.write(state, self._new, self.recent.is_over))
        self._new.clear()

    def clear(self, state: PartitionState) -> None:
        """Forget everything."""
        self.recent.forget(list(self._journal))
        self._journal.clear(state)


def memory(state: PartitionState, table: str, span: Span) -> Memory:
    """The memory of a partition, made from its state where it is not in memory."""
    return state.derived(table, lambda: Memory(state, table, span))


class Trails:
    """Without rules for cloned plates none are looked for; without authorisations nobody is followed."""

    def __init__(
        self,
        scenes: Scenes,
        authorisations: Authorisations,
        gate: float,
        cloned_rules: ClonedRules | None = None,
        convoy_rules: ConvoyRules | None = None,
    ) -> None:
        self._scenes, self._authorisations, self._gate = scenes, authorisations, gate
        self._cloned, self._convoy = cloned_rules, convoy_rules or ConvoyRules()

    @property
    def wants_seen(self) -> bool:
        """Whether cloned plates are looked for."""
        return self._cloned is not None

    def cloned(
        self, state: PartitionState, seen: Iterable[Seen], reached: Mapping[str, int], now_ms: int
    ) -> list[Fresh]:
        """The alerts that a step's sure sightings make or change; call it once a step.

        `reached` is how far cameras have come (event time, ms), `now_ms` (wall clock) is only written down.
        """
        sweeping = self._new_minute(state, reached)
        if sweeping:
            self._forget_meetings(state)
        if self._cloned is None:
            return []
        kept = memory(state, "recent", cloned.PLATES)
        for camera_id, captured_ms in reached.items():
            kept.recent.reach(camera_id, captured_ms)
        changed: dict[str, Episode] = {}
        for one in seen:
            if PURPOSE not in self._scenes.scene(one.camera_id).purposes:
                continue
            for pair in cloned.pairs(self._cloned, one, kept.meet(one), self._scenes.scene):
                key = cloned.episode_key(self._cloned, pair)
                changed[key] = cloned.joined(changed.get(key) or state.get("cloned", key, Episode), pair)
        kept.write(state)
        for key, episode in changed.items():
            state.put("cloned", key, episode)
        if sweeping:
            self._forget_episodes(state, kept.recent)
        return [self._cloned_alert(self._cloned, key, episode, now_ms) for key, episode in changed.items()]

    def followed(self) -> frozenset[str]:
        """Plates that some authorisation allows to follow; `points` says whether there and then."""
        return following.followed(self._authorisations)

    def points(self, sighting: Sighting) -> list[FollowPoint]:
        """The points of followed paths that a sighting is; origin fields are 0."""
        scene = self._scenes.scene(sighting.camera_id)
        if PURPOSE not in scene.purposes or sighting.plate_confidence < self._gate:
            return []
        return following.points(self._authorisations, scene, sighting)

    def met(self, state: PartitionState, companion: Companion, now_ms: int) -> list[Fresh]:
        """The alert that one more meeting makes or changes; none when its authorisation has ended."""
        record = self._authorisations.get(companion.authorisation_id)
        key = f"{companion.authorisation_id}|{companion.subject}|{companion.plate}"
        if record is None or record.revoked_ms is not None:
            state.delete("meetings", key)
            return []
        before = state.get("meetings", key, Meetings) or Meetings()
        meetings = convoy.joined(self._convoy, before, companion)
        if meetings == before:
            return []
        state.put("meetings", key, meetings)
        scene = self._scenes.scene(convoy.place_of(self._convoy, meetings))
        pair = companion.subject, companion.plate
        alert = convoy.alert(self._convoy, record, pair, meetings, scene, now_ms)
        return [] if alert is None else [Fresh(alert, record.ends_ms + KEEP_MS)]

    def _cloned_alert(self, rules: ClonedRules, key: str, episode: Episode, now_ms: int) -> Fresh:
        later = episode.first.later
        alert = cloned.alert(rules, key, episode, self._scenes.scene(later.camera_id), now_ms)
        return Fresh(alert, later.last_ms + rules.episode_ms + KEEP_MS)

    def _forget_episodes(self, state: PartitionState, recent: Recent) -> None:
        """Forget the episodes that no pair can come into any more."""
        if self._cloned is None:
            return
        late_ms = self._cloned.episode_ms + cloned.PLATES.late_ms
        for key, episode in state.items("cloned", Episode):
            later = episode.newest.later
            if recent.has_passed(later.camera_id, later.last_ms + late_ms):
                state.delete("cloned", key)

    @staticmethod
    def _new_minute(state: PartitionState, reached: Mapping[str, int]) -> bool:
        """Note how far cameras have come; whether that begins another minute (event time) of some camera's clock."""
        times = _times(state)
        later = any(ms // _SWEEP_MS > times.get(camera, 0) // _SWEEP_MS for camera, ms in reached.items())
        times.update(reached)
        return later

    def _forget_meetings(self, state: PartitionState) -> None:
        """Forget meetings whose authorisation has ended, and those that can make no convoy any more."""
        times = _times(state)
        for key, meetings in state.items("meetings", Meetings):
            record = self._authorisations.get(key.partition("|")[0])
            newest = meetings.met[-1]
            at_ms = times.get(newest.camera_id, newest.at_ms)
            if convoy.is_over(self._convoy, meetings, record, at_ms):
                state.delete("meetings", key)


def _times(state: PartitionState) -> dict[str, int]:
    """How far cameras have come since the partition was loaded, ms of event time by id."""
    return state.derived("reached", dict[str, int])


def cloned_rules(settings: Settings) -> ClonedRules | None:
    """The rules for cloned plates; None, and none are looked for, while nobody states by what law and for whom.

    Raises BadConfiguration when only one of both is stated.
    """
    law, authority = settings.cloned_legal_basis.strip(), settings.cloned_authority.strip()
    if bool(law) != bool(authority):
        raise BadConfiguration(
            "cloned plates need WAYSIGHT_CLONED_LEGAL_BASIS and WAYSIGHT_CLONED_AUTHORITY; set both or neither"
        )
    return ClonedRules(legal_basis=law, authority=authority, audience=authority) if law else None
