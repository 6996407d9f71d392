"""A withheld number must not be worked out from its neighbours: one more item is withheld beside it.

A rep's composite is a weighted sum of their items. With all other items shown, a single withheld one would be what
remains. So beside every item withheld for too few customers the shown item with the fewest customers is withheld too:
what then remains is a sum over at least the customers it takes to show anything. The composite, which has them all,
stays (complementary suppression: Hundepool et al. 2012, Statistical Disclosure Control, chapter 4).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import numpy as np

from scoring.composite import Weighting
from scoring.findings import N_, Finding
from scoring.results import Result
from scoring.sums import Flags


def complemented(
    results: Mapping[str, Result], composite: str, items: list[str], weights: Weighting
) -> dict[str, Result]:
    """The results with a complement withheld for every rep whose composite would give a withheld item away.

    Args:
        results: by item, ``composite`` among them.
        items: the composite's items that anybody answered.
        weights: ``rep`` (items, reps) is 0 where an item has no answer.
    """
    withheld = np.array([results[item].table.evidence == "withheld" for item in items])
    answered = weights.rep > 0
    given_away = results[composite].table.shown & np.any(withheld & answered, axis=0) & np.any(~withheld, axis=0)
    customers = np.array([results[item].table.customers for item in items])
    fewest = np.argmin(np.where(withheld, np.iinfo(np.int64).max, customers), axis=0)
    changed = dict(results)
    for place, item in enumerate(items):
        also = given_away & (fewest == place)
        if also.any():
            changed[item] = _withheld(results[item], also)
    return changed


def _withheld(result: Result, also: Flags) -> Result:
    table = replace(result.table, evidence=np.where(also, "withheld", result.table.evidence))
    count = int(np.count_nonzero(also))
    finding = Finding(
        name="complement_withheld",
        sentence=N_(
            "%(item)s is withheld for %(count)s reps although enough customers answered it: beside the composite "
            "it would give away an item that too few answered."
        ),
        item=result.item,
        values={"item": result.item, "count": count},
    )
    return replace(result, table=table, findings=(*result.findings, finding))
