"""Does the method find what was put in? Invented sales forces of every kind, scored, and held against their truth.

`python tests/scoring/recovery.py 60 > tests/scoring/recovery.md` scores 60 worlds of every design in half an hour.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from scoring.adjustment import Adjustment, adjust
from scoring.comparison import average, compared, false_discovery_rates
from scoring.comparison.ranks import Ranking
from scoring.contrasts import interval_null_p
from scoring.estimate import Estimate, estimate
from scoring.ratings import Ratings
from scoring.results import Result
from scoring.simulation import spec as spec_text
from scoring.spec import AdjustmentSpec
from scoring.synthetic import YEARS, Company, World, invent
from scoring.verdicts import FALSE_DISCOVERIES

Array = np.ndarray[Any, np.dtype[np.float64]]


@dataclass(frozen=True, kw_only=True)
class Design:
    """One kind of company, how it is scored, and the cases (A, B, C) of reps to look at."""

    name: str
    company: Company
    settings: Mapping[str, Any] = field(default_factory=dict)
    cases: str = "ABC"

    @property
    def policy(self) -> str:
        return str(self.settings.get("territory", "pooled"))

    @property
    def spec(self) -> AdjustmentSpec:
        spec = AdjustmentSpec.from_toml(spec_text(self.company.items))
        items = tuple(replace(item, hi=self.company.points) for item in spec.items)
        return replace(spec, items=items, **self.settings)


def _design(name: str, settings: Mapping[str, Any] | None = None, cases: str = "ABC", **company: Any) -> Design:
    return Design(name=name, company=replace(Company(), **company), settings=settings or {}, cases=cases)


DESIGNS = (
    _design("60 reps, 8 territories, 5–60 answers each"),
    _design("8 reps, 4 territories", reps=8, territories=4),
    _design("12 reps, 4 territories", reps=12, territories=4),
    _design("20 reps, 5 territories", reps=20, territories=5),
    _design("30 reps, 15 territories of two", reps=30, territories=15),
    _design("100 reps, 10 territories", reps=100, territories=10),
    _design("200 reps, 20 territories", reps=200, territories=20),
    _design("200 reps, 4 territories", reps=200, territories=4),
    _design("5–10 answers each", answers=(5, 10)),
    _design("40–60 answers each", answers=(40, 60)),
    _design("nobody works in two territories", movers=0.0),
    _design("every other rep works in two territories", movers=0.5),
    _design("3 of 40 reps alone in their territories", reps=40, territories=6, alone=3),
    _design("reps alone in their territories, themselves", cases="C", reps=40, territories=6, alone=6),
    _design("half of the answers from customers of several reps", sharing=0.5),
    _design("40 % further answers by the same customers", repeats=0.4),
    _design("good reps have the easy customers", mix_correlation=0.9, mix_between=0.5),
    _design("no differences between territories", territory_sd=0.0),
    _design("great differences between territories", territory_sd=8.0),
    _design("reps hardly differ", rep_sd=1.5),
    _design("reps differ greatly", rep_sd=9.0, level=60.0),
    _design("yes or no", points=2),
    _design("0 to 10", points=11),
    _design("close to the top of the scale", level=84.0, rep_sd=3.0, territory_sd=2.0, customer_sd=3.0, slope=0.4),
    _design("the dissatisfied stay silent", silence=0.3),
    _design("two waves", waves=2),
    _design("three items and their composite", items=("knowledge", "delivery", "responsiveness")),
    _design("every answer counts", {"weights": "response"}, repeats=0.3),
    _design("policy peer", {"territory": "peer"}),
    _design("policy company", {"territory": "company"}),
)

SLOPES = (
    _design("60 reps", mix_correlation=0.8, mix_between=0.4),
    _design("200 reps", mix_correlation=0.8, mix_between=0.4, reps=200, territories=20),
)

SORTED = _design("good reps are sent to hard territories", sorting=0.7, territory_sd=6.0)


@dataclass(frozen=True, kw_only=True)
class Draw:
    """One world of a design, scored: the result an appraisal would use, and the truth per rep of the fit (reps,).

    ``quality`` is what the policy calls it, ``truth`` the same about the average: the estimand.
    """

    design: Design
    world: World
    run: Adjustment
    result: Result
    fit: Estimate
    quality: Array
    truth: Array

    @property
    def shown(self) -> np.ndarray:
        """The reps whose score is shown, of the cases looked at."""
        looked_at = np.isin(self.fit.identification.case, [*self.design.cases])
        return self.result.table.shown[self.fit.measured.reps] & looked_at

    def numbers(self, name: str) -> Array:
        return self.result.table.numbers[name][self.fit.measured.reps]

    @property
    def error(self) -> Array:
        """The adjusted score less the average of all answers, less the truth."""
        return self.numbers("adjusted") - average(self.fit, self.result.table.numbers["adjusted"]) - self.truth

    @property
    def covered(self) -> np.ndarray:
        """Whether the 95 % interval holds the truth, of the reps whose score is shown."""
        half = (self.numbers("high") - self.numbers("low")) / 2
        return (np.abs(self.error) <= half)[self.shown]

    @property
    def predicted(self) -> np.ndarray:
        """Whether the shrunken score, give or take 1.96 of its standard deviation, holds the quality of these reps."""
        assert self.fit.solution is not None
        gap = np.abs(self.fit.solution.theta - self.quality)
        return (gap <= 1.96 * self.numbers("reported_sd"))[self.shown]


def draws(design: Design, worlds: int, first: int = 0) -> Iterator[Draw]:
    """Worlds number ``first`` onwards of a design."""
    for seed in range(first, first + worlds):
        world = invent(design.company, seed=seed)
        spec = design.spec
        run = adjust(Ratings.from_table(world.table, spec), spec)
        result = run.results[-1]
        assert result.fit is not None
        yield Draw(
            design=design, world=world, run=run, result=result, fit=result.fit,
            **_truth(design, world, run, result.fit),
        )  # fmt: skip


def _truth(design: Design, world: World, run: Adjustment, fit: Estimate) -> dict[str, Array]:
    """The estimand of the policy: quality about the average ("pooled"), against colleagues ("peer"), or with the
    territory ("company")."""
    cells = fit.measured.cells
    reps = [run.ratings.reps[place] for place in fit.measured.reps]
    quality = world.theta.mean(axis=1).reindex(reps).to_numpy()
    if design.policy == "company":
        ease = world.tau.reindex([run.ratings.territories[place] for place in fit.measured.territories]).to_numpy()
        quality = quality + cells.by_rep(cells.share * ease[cells.territory])
    truth = quality - cells.rep_share @ quality
    if design.policy == "peer" and fit.solution is not None:
        taken = fit.solution.gain @ fit.solution.reduction @ quality[cells.rep]
        truth = truth - fit.covariance.step @ taken
    return {"quality": quality, "truth": truth}


@dataclass(frozen=True, kw_only=True)
class Summary:
    """A design over many worlds.

    ``coverage_error`` is the standard error of ``coverage``, worlds being the units; ``predicted`` the coverage of the
    shrunken scores; ``slope_bias`` is in standard errors of its mean; ``false`` the mean share of named differences
    that are none; ``ranks`` the share of worlds whose simultaneous sets hold all true ranks.
    """

    design: Design
    worlds: int
    intervals: int
    coverage: float
    coverage_error: float
    predicted: float
    width: float
    bias: float
    slope: float
    slope_bias: float
    false: float
    named: float
    ranks: float


def summary(design: Design, worlds: int, first: int = 0) -> Summary:
    covered, predicted, width, bias, slopes, false, named, ranks = [], [], [], [], [], [], [], []
    for draw in draws(design, worlds, first):
        covered.append(draw.covered)
        predicted.append(draw.predicted)
        width.append(float(np.mean((draw.numbers("high") - draw.numbers("low"))[draw.shown])))
        bias.append(float(np.mean(draw.error[draw.shown])))
        slopes += [one.coefficients["tenure"]["estimate"] for one in draw.run.results if one.coefficients]
        share, count, held = _discoveries(draw)
        false.append(share)
        named.append(count)
        ranks.append(held)
    inside, number = np.array([one.sum() for one in covered]), np.array([len(one) for one in covered])
    coverage = inside.sum() / number.sum()
    spread = np.sqrt(np.sum((inside - coverage * number) ** 2)) / number.sum()
    away = np.array(slopes) - design.company.slope
    return Summary(
        design=design,
        worlds=worlds,
        intervals=int(number.sum()),
        coverage=float(coverage),
        coverage_error=float(spread),
        predicted=float(np.mean(np.concatenate(predicted))),
        width=float(np.mean(width)),
        bias=float(np.mean(bias)),
        slope=float(np.mean(slopes)),
        slope_bias=float(away.mean() / (away.std(ddof=1) / np.sqrt(len(away)))),
        false=float(np.mean(false)),
        named=float(np.mean(named)),
        ranks=float(np.mean(ranks)),
    )


def _discoveries(draw: Draw) -> tuple[float, int, bool]:
    """Share of named differences that are none, how many were named, and whether the rank sets hold all true ranks."""
    peers = compared(draw.run, draw.result.item)
    if not peers.reps:
        return 0.0, 0, True
    truth = dict(zip((draw.run.ratings.reps[place] for place in draw.fit.measured.reps), draw.truth, strict=True))
    true = np.array([truth[rep] for rep in peers.reps])
    difference = peers.score - peers.average
    rates = false_discovery_rates(interval_null_p(difference, np.sqrt(peers.variance), peers.df, peers.smallest))
    named = rates <= FALSE_DISCOVERIES
    wrong = named & (true * np.sign(difference) <= peers.smallest)
    rank = 1 + (true > true[:, None]).sum(axis=1)
    sets = Ranking(peers.score, peers.covariance, peers.df).simultaneous()
    held = bool(((sets.low <= rank) & (rank <= sets.high)).all())
    return float(wrong.sum() / max(named.sum(), 1)), int(named.sum()), held


# How close scores come to the truth, by how the slopes are estimated


def distances(design: Design, worlds: int, first: int = 0) -> dict[str, Array]:
    """Root mean square distance from true quality, per world (worlds,), of scores made in four ways.

    "raw means", and three scores shrunk alike whose slopes come from: all customers alike ("pooled slopes"), a model
    with random rep effects ("random-effects slopes"), and within cells ("reported", the product's).
    """
    found: dict[str, list[float]] = {}
    for draw in draws(design, worlds, first):
        truth = draw.truth[draw.shown]
        scores = {"raw means": draw.numbers("raw"), "reported": draw.numbers("reported")}
        for name, slopes in (("pooled slopes", _pooled_slopes), ("random-effects slopes", _random_effects_slopes)):
            scores[name] = _with_slopes(draw, slopes(draw))
        for name, score in scores.items():
            gap = score[draw.shown] - truth
            found.setdefault(name, []).append(float(np.std(gap)))
    return {name: np.array(values) for name, values in found.items()}


def _with_slopes(draw: Draw, slopes: Array) -> Array:
    """What would be reported with other slopes, everything else alike."""
    measured = draw.fit.measured
    terms = draw.run.design.terms
    within = np.array([draw.result.coefficients[term]["estimate"] for term in terms])
    mean = measured.cells.mean + measured.sigma.deviation @ (within - slopes)
    other = estimate(replace(measured, cells=replace(measured.cells, mean=mean)), draw.fit.policy)
    assert other.reported is not None
    return other.reported


def _rows(draw: Draw) -> tuple[Array, Array, Array, np.ndarray]:
    """Answers, design, weights and rep codes."""
    table = draw.world.table
    item = draw.result.item
    table = table[table[item].notna()]
    columns = []
    for term in draw.run.design.terms:
        name, _, level = term.partition("[")
        columns.append(table[name] == level.rstrip("]") if level else table[name] - YEARS)
    weight = 1 / table.groupby(["rep", "customer"])[item].transform("size")
    score = 100 * (table[item] - 1) / (draw.world.company.points - 1)
    rep = np.unique(table["rep"], return_inverse=True)[1]
    return score.to_numpy(float), np.column_stack(columns).astype(float), weight.to_numpy(float), rep


def _pooled_slopes(draw: Draw) -> Array:
    score, design, weight, _ = _rows(draw)
    return _least_squares(score, np.column_stack([design, np.ones(len(score))]), weight)[:-1]


def _random_effects_slopes(draw: Draw) -> Array:
    """Generalised least squares with a random effect per rep, by subtracting part of the rep's means (Swamy and Arora
    1972), at the variances of the product's fit."""
    score, design, weight, rep = _rows(draw)
    assert draw.fit.solution is not None
    total = np.bincount(rep, weight)
    part = 1 - np.sqrt(1 / (1 + draw.fit.solution.rep * total / draw.fit.measured.own.pooled))
    table = np.column_stack([design, np.ones(len(score)), score])
    means = np.column_stack([np.bincount(rep, weight * column) / total for column in table.T])
    reduced = table - (part[:, None] * means)[rep]
    return _least_squares(reduced[:, -1], reduced[:, :-1], weight)[:-1]


def _least_squares(outcome: Array, design: Array, weight: Array) -> Array:
    root = np.sqrt(weight)
    return np.asarray(np.linalg.lstsq(design * root[:, None], outcome * root, rcond=None)[0])


COLUMNS = (
    "sales force", "worlds", "95 % intervals cover", "shrunken scores cover", "mean width", "slope (true)",
    "false among named", "named per world", "all ranks held",
)  # fmt: skip
INTRODUCTION = """\
# Does the method find the truth that was put in?

Invented sales forces with known truth, made and scored by `tests/scoring/recovery.py`. Unless the row says otherwise:
60 reps in 8 territories, 5–60 answers each on a scale of 1–5; reps differ with a standard deviation of 5 points and
territories of 4; quality goes with customer mix (correlation .6); a fifth of the reps work in two territories; a tenth
of the answers come from customers of several reps, and a tenth are repeats.

*95 % intervals cover*: how often a rep's interval holds what it is about, the rep's quality about the company's
average; ± is 1.96 standard errors, worlds being the units. *Shrunken scores cover*: the same of the reported score
± 1.96 of its standard deviation, and the rep's quality. *False among named*: of the reps named as more than 2 points
above or below average, the share who are not. *All ranks held*: in how many worlds the simultaneous rank sets hold
every true rank. When the dissatisfied stay silent, slopes and differences among those who speak are flatter. Below 8
reps the product only describes. The last row breaks the assumption of the pooled policy; there differences within a
territory stay valid.
"""
CLOSENESS = """
Root mean square distance from true quality of scores made in four ways, when good reps have the easy customers
(correlation .8). The last three are shrunken alike and differ in their slopes alone.
"""
WAYS = ("raw means", "pooled slopes", "random-effects slopes", "reported")


def report(worlds: int, tell: Callable[[str], object]) -> None:
    """The text of recovery.md, piece by piece."""
    tell(INTRODUCTION)
    tell(_line(COLUMNS))
    tell(_line(["---"] * len(COLUMNS)))
    for number, design in enumerate((*DESIGNS, SORTED)):
        many = worlds * max(1, round(DESIGNS[0].company.reps / design.company.reps))
        one = summary(design, many, first=1000 * number)
        tell(_line((
            design.name, f"{many}", f"{one.coverage:.1%} ± {1.96 * one.coverage_error:.1%}", f"{one.predicted:.1%}",
            f"{one.width:.1f}", f"{one.slope:.3f} ({design.company.slope:g})", f"{one.false:.1%}", f"{one.named:.1f}",
            f"{one.ranks:.1%}",
        )))  # fmt: skip
    tell(CLOSENESS)
    tell(_line(("distance from true quality", *(design.name for design in SLOPES))))
    tell(_line(["---"] * (len(SLOPES) + 1)))
    found = [distances(design, max(worlds // 4, 5)) for design in SLOPES]
    for name in WAYS:
        tell(_line((name, *(f"{one[name].mean():.3f}" for one in found))))


def _line(cells: Iterable[str]) -> str:
    return f"| {' | '.join(cells)} |"


if __name__ == "__main__":
    report(int(sys.argv[1]) if len(sys.argv) > 1 else 20, lambda line: print(line, flush=True))
