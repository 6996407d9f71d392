"""What can be told apart: the graph of reps and territories, linked by reps with answers in several of them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import sparse
from scipy.sparse import csgraph

from scoring.territory import Cells


@dataclass(frozen=True, slots=True, kw_only=True)
class Identification:
    """What can be told of each rep (reps,).

    ``component`` is the connected component, numbered from 1; ``fragile`` says whether it would fall apart without one
    single rep; ``case`` is one of

    A  compared through reps who link territories;
    B  only the difference from colleagues of the territory is identified, the rest rests on the assumption;
    C  alone in every one of their territories, so rep and territory cannot be told apart.
    """

    component: NDArray[np.int64]
    fragile: NDArray[np.bool_]
    case: NDArray[np.str_]

    def stepped(self, cells: Cells) -> NDArray[np.bool_]:
        """Cells (cells,) that have a territory step: all but case C's."""
        return np.asarray((self.case != "C")[cells.rep])


def identify(cells: Cells) -> Identification:
    """Components, fragility and cases of the reps in these cells; shared customers link nobody."""
    component_of_territory = _components(cells.rep, cells.territory, cells.territories)
    component = np.zeros(cells.reps, dtype=np.int64)
    component[cells.rep] = component_of_territory[cells.territory]
    colleagues = np.bincount(cells.territory)
    alone = cells.by_rep((colleagues[cells.territory] > 1).astype(np.float64)) == 0
    linked = np.bincount(component_of_territory)[component] > 1
    bridges = _bridges(cells, component_of_territory)
    return Identification(
        component=component + 1,
        fragile=np.isin(component, component[bridges]),
        case=np.where(alone, "C", np.where(linked, "A", "B")),
    )


def _components(rep: NDArray[np.int32], territory: NDArray[np.int32], territories: int) -> NDArray[np.int64]:
    """The component of every territory (territories,), numbered by its first territory."""
    present, place = np.unique(rep, return_inverse=True)
    size = territories + len(present)
    graph = sparse.coo_array((np.ones(len(rep)), (territory, place + territories)), shape=(size, size))
    labels = csgraph.connected_components(graph, directed=False)[1][:territories]
    _, first, inverse = np.unique(labels, return_index=True, return_inverse=True)
    return np.asarray(np.argsort(np.argsort(first))[inverse], dtype=np.int64)


def _bridges(cells: Cells, component: NDArray[np.int64]) -> NDArray[np.int64]:
    """Reps without whom their component's territories would fall apart.

    Such a rep joins territories in every spanning forest, so only the reps that do so in one of them are tried: fewer
    than there are territories.
    """
    linking = np.bincount(cells.rep)[cells.rep] > 1
    rep, territory = cells.rep[linking], cells.territory[linking]
    if not rep.size:
        return np.zeros(0, dtype=np.int64)
    territories, size = cells.territories, cells.territories + cells.reps
    graph = sparse.coo_array((np.ones(len(rep)), (territory, rep + territories)), shape=(size, size))
    forest = csgraph.minimum_spanning_tree(graph).tocoo()
    degree = np.bincount(np.concatenate([forest.row, forest.col]), minlength=size)[territories:]
    pieces = int(component.max()) + 1
    bridges = [
        int(candidate)
        for candidate in np.flatnonzero(degree > 1)
        if _components(rep[rep != candidate], territory[rep != candidate], territories).max() + 1 > pieces
    ]
    return np.array(bridges, dtype=np.int64)
