"""An invented sales force with known truth, to prove the method on and to try it with.

Everything that makes ratings hard to compare can be switched on: customers whose mix goes with the quality of their
rep, territories, reps who work in several of them, reps who are alone in theirs, customers who answer about several
reps or several times, coarse scales, and people who stay silent because they are dissatisfied.

The expected answer is additive exactly: a point η on 0–100 becomes a whole number on the scale by a binomial draw,
whose mean is η whatever the scale. So the truth is known in the unit of the scores, rounding included.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from scoring.findings import Refusal

Floats = NDArray[np.float64]
Whole = NDArray[np.int64]

SEGMENTS: Mapping[str, float] = {"large": 0.0, "medium": 2.0, "small": 5.0}
MODES: Mapping[str, float] = {"phone": 0.0, "web": -3.0}
WAVE_EFFECT = 1.0
"""Points by which every later wave answers higher."""
YEARS = 10.0
YEARS_SD = 5.0
SHARED_BY = 2.5
"""How many answers, on average, come from a customer whom several reps serve."""


class NotACompany(Refusal):
    """Numbers no sales force can have."""

    sentence = "%(problem)s"


@dataclass(frozen=True, slots=True, kw_only=True)
class Company:
    """What a sales force is like. Points are on 0–100.

    ``answers`` are the fewest and most answers about one rep; ``responses``, if given, is their exact total instead.
    ``level`` is the expected answer about an average rep; ``rep_sd``, ``territory_sd``, ``customer_sd`` the spread of
    reps, territories and customers' own leanings, ``item_sd`` that of a rep between items. ``slope`` is points per year
    a customer has been with the company; ``mix_between`` the share of its variance between reps, ``mix_correlation``
    how it goes with their quality. ``sorting`` is the correlation of a rep's quality with how *hard* the territory is.
    ``movers`` is the share of reps with a second territory; ``alone`` how many territories, beside the others, belong
    to one rep each. ``sharing`` is the share of answers from customers of several reps, ``repeats`` that of further
    answers by the same customer about the same rep. ``drift`` is the spread of reps' change from the first wave to the
    last. ``silence``: of twice as many people asked about half answer; ten points more satisfaction add this much to
    their log odds; the silent are blank rows. 0 leaves only those who answered.
    """

    reps: int = 60
    territories: int = 8
    answers: tuple[int, int] = (5, 60)
    responses: int | None = None
    items: tuple[str, ...] = ("satisfaction",)
    points: int = 5
    level: float = 65.0
    rep_sd: float = 5.0
    item_sd: float = 2.0
    territory_sd: float = 4.0
    customer_sd: float = 6.0
    slope: float = 1.0
    mix_between: float = 0.3
    mix_correlation: float = 0.6
    sorting: float = 0.0
    movers: float = 0.2
    alone: int = 0
    sharing: float = 0.1
    repeats: float = 0.1
    waves: int = 1
    drift: float = 0.0
    silence: float = 0.0

    def __post_init__(self) -> None:
        if self.reps < 1 or self.territories < 1 or not self.items or self.points < 2 or self.waves < 1:
            raise NotACompany(
                problem="A sales force needs a rep, a territory, an item, a wave and two points on the scale."
            )
        if not 1 <= self.answers[0] <= self.answers[1]:
            raise NotACompany(problem=f"answers is {self.answers}; give the fewest and the most, 1 or more.")
        if not 0 <= self.alone < self.reps:
            raise NotACompany(
                problem=f"{self.alone} of {self.reps} reps cannot be alone in a territory; leave one for the others."
            )
        if self.responses is not None and self.responses < self.reps:
            raise NotACompany(
                problem=f"{self.responses} responses are too few for {self.reps} reps; give every rep at least one."
            )


@dataclass(frozen=True, slots=True, kw_only=True)
class World:
    """One draw: the ``table`` of ratings as the contract of the command line has it, and the truth behind it.

    ``theta`` (reps × items) is each rep's quality, ``drift`` (reps,) its change by the last wave, ``tau``
    (territories,) what a territory adds to every answer, ``beta`` the effect of every design term in points per unit.
    """

    company: Company
    table: pd.DataFrame
    theta: pd.DataFrame
    drift: pd.Series[float]
    tau: pd.Series[float]
    beta: Mapping[str, float]

    def estimand(self, item: str, policy: Literal["pooled", "company"] = "pooled") -> pd.Series[float]:
        """What the adjusted score less the mean of all answers estimates, per rep (reps,), for the first wave.

        "pooled": θ_r − Σ_s p_s θ_s. "company": the same of θ_r + Σ_t s_rt τ_t. p and s are shares of the answers, every
        customer counting once per rep. Reps without an answer are NaN.
        """
        weight = self._weight(item)
        by_rep = weight.groupby("rep").sum()
        quality: pd.Series[float] = self.theta[item].reindex(by_rep.index)
        if policy == "company":
            there = weight * self.tau.reindex(weight.index.get_level_values("territory")).to_numpy()
            quality = quality + there.groupby("rep").sum() / by_rep
        centred: pd.Series[float] = quality - np.average(quality, weights=by_rep)
        return centred.reindex(self.theta.index)

    def _weight(self, item: str) -> pd.Series[float]:
        """Ω_rt by (rep, territory)."""
        answered = self.table[self.table[item].notna()]
        times = answered.groupby(["rep", "customer"])[item].transform("size")
        counted = pd.DataFrame({"rep": answered["rep"], "territory": answered["territory"], "weight": 1.0 / times})
        return counted.groupby(["rep", "territory"])["weight"].sum()


def invent(company: Company, *, seed: int) -> World:
    """Draw a sales force and its ratings; the same seed gives the same world.

    The table has rep, territory, customer, wave (if several), mode, the adjusters segment and tenure (years), and a
    whole number from 1 to ``points`` per item.
    """
    draw = np.random.default_rng(seed)
    tau = draw.normal(0, company.territory_sd, company.territories + company.alone)
    home = _homes(company, draw)
    theta = _quality(company, tau[home], draw)
    drift = draw.normal(0, company.drift, company.reps) if company.drift else np.zeros(company.reps)
    rep, territory = _rows(company, home, draw)
    customer = _customers(company, rep, territory, draw)
    years, segment, leaning = _traits(company, rep, customer, theta, draw)
    mode = draw.integers(0, len(MODES), len(rep))
    wave = draw.integers(0, company.waves, len(rep))
    eta = company.level + tau[territory] + leaning + company.slope * (years - YEARS) + WAVE_EFFECT * wave
    eta += np.array([*SEGMENTS.values()])[segment] + np.array([*MODES.values()])[mode]
    eta += drift[rep] * wave / max(company.waves - 1, 1)
    items = _items(company, theta, draw)
    expected = np.clip(eta[:, None] + items[rep], 0, 100)
    answers = 1.0 + draw.binomial(company.points - 1, expected / 100)
    if company.silence:
        mood = 100 * (answers.mean(axis=1) - 1) / (company.points - 1)
        answers[draw.random(len(rep)) > 1 / (1 + np.exp(-company.silence * (mood - company.level) / 10))] = np.nan
    columns = {
        "rep": _named("R", rep), "territory": _named("T", territory), "customer": _named("C", customer),
        **({"wave": wave + 1} if company.waves > 1 else {}),
        "mode": np.array([*MODES])[mode], "segment": np.array([*SEGMENTS])[segment], "tenure": years,
        **dict(zip(company.items, answers.T, strict=True)),
    }  # fmt: skip
    names = _named("R", np.arange(company.reps))
    return World(
        company=company,
        table=pd.DataFrame(columns),
        theta=pd.DataFrame(items, index=names, columns=list(company.items)),
        drift=pd.Series(drift, index=names),
        tau=pd.Series(tau, index=_named("T", np.arange(len(tau)))),
        beta=_beta(company),
    )


def _beta(company: Company) -> dict[str, float]:
    beta = {f"segment[{name}]": effect - SEGMENTS["large"] for name, effect in SEGMENTS.items() if name != "large"}
    beta |= {f"mode[{name}]": effect - MODES["phone"] for name, effect in MODES.items() if name != "phone"}
    beta |= {f"wave[{wave + 1}]": wave * WAVE_EFFECT for wave in range(1, company.waves)}
    return {**beta, "tenure": company.slope}


def _named(letter: str, codes: Whole) -> NDArray[np.object_]:
    """R0001, R0002 …: names that sort like their numbers."""
    distinct, place = np.unique(codes, return_inverse=True)
    return np.array([f"{letter}{code + 1:06d}" for code in distinct], dtype=object)[place]


def _homes(company: Company, draw: np.random.Generator) -> Whole:
    """The territory of every rep (reps,): the last ``alone`` reps have one each, the others are dealt out evenly."""
    together = company.reps - company.alone
    dealt = draw.permutation(np.arange(together) % company.territories)
    return np.append(dealt, company.territories + np.arange(company.alone))


def _quality(company: Company, hardship: Floats, draw: np.random.Generator) -> Floats:
    own = draw.normal(0, 1, company.reps)
    if company.sorting and company.territory_sd:
        own = np.sqrt(1 - company.sorting**2) * own - company.sorting * hardship / company.territory_sd
    return company.rep_sd * own


def _items(company: Company, theta: Floats, draw: np.random.Generator) -> Floats:
    """Quality by item (reps, items); one item is the quality itself."""
    if len(company.items) == 1:
        return theta[:, None]
    return theta[:, None] + draw.normal(0, company.item_sd, (company.reps, len(company.items)))


def _rows(company: Company, home: Whole, draw: np.random.Generator) -> tuple[Whole, Whole]:
    """Rep and territory of every person asked, sorted by rep, then territory."""
    count = draw.integers(company.answers[0], company.answers[1] + 1, company.reps)
    if company.responses is not None:
        count = 1 + _dealt(company.responses - company.reps, count)
    rep = np.repeat(np.arange(company.reps), count * (2 if company.silence else 1))
    together = company.reps - company.alone
    second = draw.integers(0, company.territories, company.reps)
    moves = (draw.random(company.reps) < company.movers) & (np.arange(company.reps) < together)
    territory = np.where(moves[rep] & (draw.random(len(rep)) < 0.4), second[rep], home[rep])
    order = np.lexsort((territory, rep))
    return rep[order], territory[order]


def _dealt(total: int, size: Whole) -> Whole:
    """Whole numbers in proportion to ``size`` that sum to ``total``."""
    edges: Whole = np.round(np.cumsum(size) / size.sum() * total).astype(np.int64)
    parts: Whole = np.diff(edges, prepend=0)
    return parts


def _customers(company: Company, rep: Whole, territory: Whole, draw: np.random.Generator) -> Whole:
    """Who answers each row: a customer of their own, one whom the reps of a territory share, or the same one again."""
    customer = np.arange(len(rep))
    shared = draw.random(len(rep)) < company.sharing
    pool = np.ceil(np.bincount(territory[shared], minlength=territory.max() + 1) / SHARED_BY).astype(np.int64)
    first = len(rep) + np.cumsum(pool) - pool
    where = territory[shared]
    customer[shared] = first[where] + (draw.random(len(where)) * pool[where]).astype(np.int64)
    begins = np.insert((rep[1:] != rep[:-1]) | (territory[1:] != territory[:-1]), 0, True)
    again = (draw.random(len(rep)) < company.repeats) & ~begins
    own = np.flatnonzero(~again)
    so_far = np.cumsum(~again)
    before = (so_far - 1)[np.flatnonzero(begins)[np.cumsum(begins) - 1]]
    earlier = own[before + (draw.random(len(rep)) * (so_far - before)).astype(np.int64)]
    customer[again] = customer[earlier[again]]
    return customer


def _traits(
    company: Company, rep: Whole, customer: Whole, theta: Floats, draw: np.random.Generator
) -> tuple[Floats, Whole, Floats]:
    """Years with the company, segment and leaning of the customer behind each row; they stay from row to row."""
    _, first, place = np.unique(customer, return_index=True, return_inverse=True)
    quality = theta / company.rep_sd if company.rep_sd else theta
    rho = company.mix_correlation
    typical = rho * quality + np.sqrt(1 - rho**2) * draw.normal(0, 1, company.reps)
    several = customer[first] >= len(rep)
    among = np.where(several, 0.0, np.sqrt(company.mix_between) * typical[rep[first]])
    within = np.where(several, 1.0, np.sqrt(1 - company.mix_between)) * _even(draw, len(first))
    years = np.maximum(YEARS + YEARS_SD * (among + within), 0)
    segment = draw.integers(0, len(SEGMENTS), len(first))
    leaning = company.customer_sd * _even(draw, len(first))
    return years[place], segment[place], leaning[place]


def _even(draw: np.random.Generator, size: int) -> Floats:
    """Mean 0, variance 1, and bounded, so that expected answers stay on the scale."""
    return draw.uniform(-np.sqrt(3), np.sqrt(3), size)
