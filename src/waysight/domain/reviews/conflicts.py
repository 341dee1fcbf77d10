"""What disagrees about a violation, and whether an officer may accept it all the same."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass

from waysight.domain.plates import canonical
from waysight.domain.vehicle_table import COLOURS, LABELS, colour_code, label_code
from waysight.messages import Vehicle, Violation

LEAST_READS = 2
BARRING = ("evidence_missing", "evidence_altered", "evidence_unreadable", "register_missing", "one_read")
# Registers and cameras do not agree on which of two greys a car has.
_ONE_COLOUR = {"silver": "grey"}


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that was looked at; `code` is a conflict, and a reason for rejection, where it is not `ok`.

    What could not be compared (`compared` is false) is no conflict, and has to be seen by a person.
    """

    code: str
    ok: bool
    text: str
    compared: bool = True


def reads(violation: Violation, typed_plate: str = "") -> Finding:
    """Whether the plate was read twice: in two frames, or by people from the pictures.

    The officer who corrected the plate is one reader, the one who reviews it and types the plate (`typed_plate`,
    canonical) another.
    """
    frames = sum(canonical(ref.plate_text) == violation.plate for ref in violation.evidence)
    people = bool(violation.corrected_by) + (bool(typed_plate) and typed_plate == violation.plate)
    enough = bool(violation.plate) and frames + people >= LEAST_READS
    return Finding(
        "one_read", enough, f"{violation.plate or '-'}: read in {frames} frames, by {people} people"
    )


def register_findings(violation: Violation, vehicle: Vehicle | None) -> tuple[Finding, ...]:
    """Whether the register knows the plate, and its type and colour are those that were seen.

    What the cameras or the register do not tell is no conflict; the finding says so.
    """
    if vehicle is None:
        return (Finding("register_missing", False, f"{violation.plate or '-'} is not in the register"),)
    seen, entered = LABELS[label_code(violation.label)], LABELS[label_code(vehicle.type)]
    painted, noted = COLOURS[colour_code(violation.colour)], COLOURS[colour_code(vehicle.colour)]
    named = f"{vehicle.make} {vehicle.model}".strip() or "a vehicle"
    return (
        Finding("register_missing", True, f"{vehicle.plate} is {named}"),
        _compared("register_type", seen, entered, vehicle.type),
        _compared("register_colour", _ONE_COLOUR.get(painted, painted), _ONE_COLOUR.get(noted, noted), vehicle.colour),
    )  # fmt: skip


def conflicts_of(findings: Iterable[Finding]) -> tuple[str, ...]:
    """The codes of what is not as it should be, once each."""
    return tuple(dict.fromkeys(f.code for f in findings if not f.ok))


def uncompared(findings: Iterable[Finding]) -> str:
    """Why a violation is not accepted together with others though nothing conflicts, in words; "" for no reason."""
    codes = dict.fromkeys(f.code for f in findings if not f.compared)
    return f"{', '.join(codes)}: not compared, look at it by itself" if codes else ""


def against_acceptance(
    conflicts: Collection[str], despite: Collection[str], note: str, typed: bool, bulk: bool = False
) -> str:
    """Why a violation with these conflicts may not be accepted, in words; "" when it may.

    In bulk nothing with a conflict is accepted. One at a time the officer names every conflict (`despite`) and
    says why in a note; a corrected plate they read and type themselves instead (`typed`). The codes of BARRING
    are never accepted.
    """
    if not typed and {"corrected", "one_read"} & {*conflicts}:
        return "the plate is not proved by two reads: read it from the pictures yourself and give it with --plate"
    barred = [code for code in conflicts if code in BARRING]
    if barred:
        return f"{', '.join(barred)}: this cannot be accepted"
    if bulk and conflicts:
        return f"{', '.join(conflicts)}: not accepted together with others"
    named = {*despite, *(("corrected",) if typed else ())}
    open_ = [code for code in conflicts if code not in named]
    if open_:
        return f"{', '.join(open_)}: name what you accept it despite (--despite CODE), and say why (--note)"
    return (
        "say why you accept it despite what conflicts (--note)"
        if {*conflicts} - {"corrected"} and not note.strip()
        else ""
    )


def _compared(code: str, seen: str, entered: str, word: str) -> Finding:
    if not seen or not entered:
        return Finding(
            code, True, f"seen {seen or 'unknown'}, registered {word or 'unknown'}: not compared", False
        )
    return Finding(code, seen == entered, f"seen {seen}, registered {word}")
