"""What can be told apart follows from who has answers where, and from nothing else."""

from __future__ import annotations

import numpy as np
import pytest

from scoring.identification import Identification, identify
from scoring.territory import Cells


def graph(*links: str) -> tuple[Identification, dict[str, int], Cells]:
    """From "rep:territories", such as "a:xy"."""
    pairs = sorted(
        (rep, territory) for rep, territories in (link.split(":") for link in links) for territory in territories
    )
    reps = {rep: number for number, rep in enumerate(sorted({rep for rep, _ in pairs}))}
    places = {place: number for number, place in enumerate(sorted({place for _, place in pairs}))}
    size = len(pairs)
    cells = Cells(
        rep=np.array([reps[rep] for rep, _ in pairs], dtype=np.int32),
        territory=np.array([places[place] for _, place in pairs], dtype=np.int32),
        mean=np.zeros(size), working=np.ones(size), weight=np.ones(size),
    )  # fmt: skip
    return identify(cells), reps, cells


def told(*links: str) -> dict[str, tuple[int, bool, str]]:
    found, reps, _ = graph(*links)
    return {
        rep: (int(found.component[row]), bool(found.fragile[row]), str(found.case[row])) for rep, row in reps.items()
    }


def test_colleagues_of_one_territory_are_nested() -> None:
    assert told("a:x", "b:x", "c:y", "d:y") == {
        "a": (1, False, "B"), "b": (1, False, "B"), "c": (2, False, "B"), "d": (2, False, "B"),
    }  # fmt: skip


def test_one_mover_links_two_territories_and_is_their_only_bridge() -> None:
    assert set(told("a:x", "b:xy", "c:y").values()) == {(1, True, "A")}


def test_two_movers_carry_each_other() -> None:
    assert set(told("a:x", "b:xy", "c:y", "d:xy").values()) == {(1, False, "A")}


def test_a_ring_of_movers_survives_the_loss_of_any() -> None:
    assert set(told("a:xy", "b:yz", "c:zx").values()) == {(1, False, "A")}


def test_a_ring_with_a_tail_is_fragile() -> None:
    assert set(told("a:xy", "b:yz", "c:zx", "d:zw", "e:w").values()) == {(1, True, "A")}


def test_alone_everywhere_is_neither_linked_nor_nested() -> None:
    found = told("a:x", "b:x", "c:y", "d:zw")
    assert found["c"] == (3, False, "C")
    assert found["d"][2] == "C"
    assert found["a"] == (2, False, "B")


def test_alone_in_one_territory_but_not_in_another_is_linked() -> None:
    assert told("a:x", "b:xy")["b"] == (1, True, "A")


def test_only_reps_who_are_alone_everywhere_go_without_a_step() -> None:
    found, reps, cells = graph("a:x", "b:xy", "c:z")
    assert [rep for rep, row in reps.items() if not found.stepped(cells)[cells.rep == row].any()] == ["c"]
    assert found.stepped(cells)[cells.rep == reps["b"]].all()


@pytest.mark.parametrize("seed", range(20))
def test_a_fragile_component_is_one_that_some_rep_holds_together(seed: int) -> None:
    draw = np.random.default_rng(seed)
    links = {rep: "".join(sorted(set(draw.choice(list("uvwxyz"), draw.integers(1, 4))))) for rep in "abcdefgh"}
    found = told(*(f"{rep}:{places}" for rep, places in links.items()))

    def pieces(without: str) -> list[set[str]]:
        """The territories' components with one rep taken away, by merging until nothing changes."""
        groups = [{place} for place in sorted({place for places in links.values() for place in places})]
        for rep, places in links.items():
            if rep != without:
                touched = [group for group in groups if group & set(places)]
                groups = [group for group in groups if not group & set(places)] + [set().union(*touched)]
        return groups

    whole = pieces("")
    for rep, places in links.items():
        mine = next(group for group in whole if group & set(places))
        split = any(sum(bool(piece & mine) for piece in pieces(other)) > 1 for other in links)
        assert found[rep][1] == split
        assert all((found[other][0] == found[rep][0]) == bool(set(links[other]) & mine) for other in links)
