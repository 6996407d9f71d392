"""The method written out with dense matrices and loops, one line per formula: slow, plain, independent of the product.

One item, adjusters without gaps. Rows of every array are cells in order of rep, then territory.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from scipy import linalg

Array = np.ndarray[Any, np.dtype[np.float64]]
ITEM_PRIOR, COMPOSITE_PRIOR = 15, 20


@dataclass(frozen=True, kw_only=True)
class Longhand:
    """What the formulas give, by rep: ``mean`` after mix, ``step`` and ``centring`` of the territory, ``difference``
    a_r less its weighted mean.
    """

    reps: tuple[str, ...]
    mean: Array
    step: Array
    centring: float
    difference: Array
    se: Array
    df: Array
    covariance: Array
    reliability: Array
    reported: Array
    reported_sd: Array
    prediction: Array
    gradient: Array
    loglik: float
    mu: float
    tau: Array


class Frame:
    """Who and where: the cells, customers, reps and territories of one table, and the design."""

    def __init__(self, table: pd.DataFrame, numbers: list[str], categories: list[str], weights: str) -> None:
        self.table, self.weights = table.reset_index(drop=True), weights
        columns = [table[name].to_numpy(float) for name in numbers]
        for name in categories:
            columns += [(table[name] == level).to_numpy(float) for level in sorted(table[name].unique())[1:]]
        self.x = np.column_stack(columns)
        self.u = table["weight"].to_numpy() if "weight" in table else np.ones(len(table))
        self.pairs = sorted(set(zip(table["rep"], table["territory"], strict=True)))
        self.cell = np.array([self.pairs.index(pair) for pair in zip(table["rep"], table["territory"], strict=True)])
        customers = sorted(set(table["customer"]))
        self.who = np.array([customers.index(one) for one in table["customer"]])
        self.customers = len(customers)

    def omega(self, answered: np.ndarray) -> Array:
        """The weights of the answered rows: a customer counts once per rep, or every answer by its own weight."""
        u = np.where(answered, self.u, 0.0)
        if self.weights == "response":
            return u
        total = pd.Series(u).groupby([self.table["rep"], self.table["customer"]]).transform("sum").to_numpy()
        return np.divide(u, total, out=np.zeros_like(u), where=total > 0)

    def mass(self, omega: Array) -> Array:
        """W (customers, cells)."""
        mass = np.zeros((self.customers, len(self.pairs)))
        np.add.at(mass, (self.who, self.cell), omega)
        return mass


class Item:
    """One item over all cells of the frame; cells without an answer are nought."""

    def __init__(self, frame: Frame, name: str) -> None:
        answered = frame.table[name].notna().to_numpy()
        y = np.where(answered, 100 * (frame.table[name].fillna(1).to_numpy() - 1) / 4, 0.0)
        omega, cell, x = frame.omega(answered), frame.cell, frame.x
        self.mass = frame.mass(omega)
        self.Omega = self.mass.sum(axis=0)
        there = self.Omega > 0
        sums = np.array([(omega[cell == c, None] * x[cell == c]).sum(axis=0) for c in range(len(frame.pairs))])
        xbar = np.divide(sums, self.Omega[:, None], out=np.zeros_like(sums), where=there[:, None])
        ysum = np.array([omega[cell == c] @ y[cell == c] for c in range(len(frame.pairs))])
        self.raw = np.divide(ysum, self.Omega, out=np.zeros_like(ysum), where=there)
        grand = omega @ x / omega.sum()
        xt, yt = x - xbar[cell], y - self.raw[cell]
        self.B = np.linalg.inv(xt.T @ (omega[:, None] * xt))
        self.beta = self.B @ (xt.T @ (omega * yt))
        self.away = np.where(there[:, None], xbar - grand, 0.0)
        self.m = self.raw - self.away @ self.beta
        e = yt - xt @ self.beta
        self.v = frame.mass(omega * e)
        self.v = np.divide(self.v, self.Omega, out=np.zeros_like(self.v), where=there)
        self.score = np.zeros((frame.customers, x.shape[1]))
        np.add.at(self.score, frame.who, omega[:, None] * xt * e[:, None])


class Cells:
    """The cells of one item, or of several combined with the weights w_rtk (items, cells): means and covariance Σ̂."""

    def __init__(self, frame: Frame, items: list[Item], w: Array, mass: Array, level: Array, prior: float) -> None:
        kept = mass.sum(axis=0) > 0
        pairs = [pair for pair, there in zip(frame.pairs, kept, strict=True) if there]
        self.reps = tuple(sorted({rep for rep, _ in pairs}))
        territories = sorted({territory for _, territory in pairs})
        self.Zr = np.array([[rep == r for r in self.reps] for rep, _ in pairs], float)
        self.Zt = np.array([[territory == t for t in territories] for _, territory in pairs], float)
        self.omega = mass.sum(axis=0)[kept]
        self.m = sum(w[k] * (item.m - level[k]) for k, item in enumerate(items))[kept]
        v = sum(w[k] * item.v for k, item in enumerate(items))[:, kept]
        away = np.hstack([w[k][:, None] * item.away for k, item in enumerate(items)])[kept]
        score = np.hstack([item.score for item in items])
        B = linalg.block_diag(*[item.B for item in items])
        mass = mass[:, kept]
        G = (mass > 0).sum(axis=0).astype(float)
        if frame.weights == "response":
            G = mass.sum(axis=0) ** 2 / (mass**2).sum(axis=0)
        c = np.divide(G, G - 1, out=np.zeros_like(G), where=G > 1)
        V = c * (v**2).sum(axis=0)
        self.pooled = ((G - 1) * G * V).sum() / (G - 1).sum()
        V = np.where(G > 1, V, self.pooled)
        self.own = (prior * self.pooled / G + (G - 1) * V) / (prior + G - 1)
        b = (G - 1) / (prior + G - 1)
        mine = np.divide((b * V) ** 2, G - 1, out=np.zeros_like(G), where=G > 1)
        self.df = self.own**2 / (mine + ((1 - b) * self.pooled / G) ** 2 / (G - 1).sum())
        self.D = self.pooled / G
        K = int((mass.sum(axis=1) > 0).sum())
        self.slopes = K / (K - 1) * B @ (score.T @ score) @ B
        shared = np.sqrt(np.outer(c, c)) * (v.T @ v)
        cross = away @ B @ score.T @ v
        self.sigma = np.diag(self.own) + (shared - np.diag(np.diag(shared))) + away @ self.slopes @ away.T
        self.sigma -= cross + cross.T
        self.S = (self.Zr * self.omega[:, None]).T / (self.Zr.T @ self.omega)[:, None]
        self.p = (self.Zr.T @ self.omega) / self.omega.sum()


def item_cells(frame: Frame, name: str) -> tuple[Item, Cells]:
    item = Item(frame, name)
    return item, Cells(frame, [item], np.ones((1, len(frame.pairs))), item.mass, np.zeros(1), ITEM_PRIOR)


def composite_cells(frame: Frame, names: list[str], how: str) -> Cells:
    """Fixed weights 1/K, or min(n, 20); an item missing in a cell is left out there and the rest rescaled."""
    items = [Item(frame, name) for name in names]
    of_rep = np.array(
        [[rep == other for other, _ in frame.pairs] for rep in sorted({rep for rep, _ in frame.pairs})], float
    )
    count = np.array([of_rep @ item.Omega for item in items])
    w = np.minimum(count, 20) if how == "cahps" else (count > 0) / 1.0
    w = (w / w.sum(axis=0)) @ of_rep
    w = w * np.array([item.Omega > 0 for item in items])
    w = np.divide(w, w.sum(axis=0), out=np.zeros_like(w), where=w.sum(axis=0) > 0)
    level = np.array([item.Omega @ item.raw / item.Omega.sum() for item in items])
    anything = frame.table[names].notna().any(axis=1).to_numpy()
    return Cells(frame, items, w, frame.mass(frame.omega(anything)), level, COMPOSITE_PRIOR)


def longhand(cells: Cells, *, policy: str, rep: float, territory: float, composite: bool = False) -> Longhand:
    """Score at the variances ``rep`` (σ²_θ) and ``territory`` (σ²_τ); ``gradient`` is their score.

    A composite's level takes all territories, an item's only those of reps who are not alone in theirs.
    """
    colleagues = cells.Zt.sum(axis=0)
    alone = (cells.Zr * (cells.Zt @ colleagues > 1)[:, None]).sum(axis=0) == 0
    stepped = cells.Zt * (1 - (cells.Zr @ alone)[:, None])
    anchored = cells.Zt if composite else stepped
    average = np.eye(len(cells.p)) - cells.p
    Q = average @ cells.S @ stepped
    nodes = _nodes(cells, policy, rep, territory)
    point = _Solved(cells, policy, rep, territory)

    centred = average @ cells.S @ cells.m
    a = centred - Q @ point.tau
    covariance = np.zeros_like(average)
    pev = np.zeros(len(cells.reps))
    for weight, one in nodes:
        moved = Q @ (one.tau - point.tau)
        covariance += weight * (_covariance(cells, one, policy, Q, average, alone) + np.outer(moved, moved))
    predicted = _predicted(cells, point, anchored)
    for weight, one in nodes:
        shift = _predicted(cells, one, anchored) - predicted if len(cells.reps) < 200 else 0.0
        pev += weight * ((one.pev if len(cells.reps) < 200 else point.pev) + shift**2)
    own = (cells.S**2) @ cells.own
    df_own = own**2 / ((cells.S**4) @ (cells.own**2 / cells.df))
    variance = np.diag(covariance)
    below = own**2 / df_own
    territories = len(colleagues)
    if policy != "company" and territories > 1:
        below = below + np.maximum(variance - own, 0) ** 2 / (territories - 1)
    step = -cells.S @ stepped @ point.tau
    return Longhand(
        reps=cells.reps, mean=cells.S @ cells.m, step=step, centring=-float(cells.p @ step), difference=a,
        se=np.sqrt(variance), df=variance**2 / below, covariance=covariance,
        reliability=1 - point.pev / rep if rep else 0 * point.pev,
        reported=predicted, reported_sd=np.sqrt(pev), prediction=point.prediction,
        gradient=_gradient(cells, policy, rep, territory), loglik=point.loglik, mu=point.mu, tau=point.tau,
    )  # fmt: skip


class _Solved:
    """Generalised least squares and best linear unbiased prediction with the dense covariance of the cells."""

    def __init__(self, cells: Cells, policy: str, rep: float, territory: float) -> None:
        self.rep, self.territory = rep, territory if policy == "pooled" else 0.0
        n = len(cells.m)
        V = np.diag(cells.D) + rep * cells.Zr @ cells.Zr.T + self.territory * cells.Zt @ cells.Zt.T
        X = cells.Zt if policy == "peer" else np.ones((n, 1))
        W = np.linalg.inv(V)
        information = X.T @ W @ X
        fixed = np.linalg.solve(information, X.T @ W)
        P = W - W @ X @ fixed
        share = cells.omega @ cells.Zt / cells.omega.sum()
        if policy == "peer":
            self.T = fixed - share @ fixed
            self.mu = float(share @ fixed @ cells.m)
        else:
            self.T = self.territory * cells.Zt.T @ P
            self.mu = float(fixed[0] @ cells.m)
        self.tau = self.T @ cells.m
        self.theta = rep * cells.Zr.T @ P @ cells.m
        self.pev = rep - rep**2 * np.diag(cells.Zr.T @ P @ cells.Zr)
        self.prediction = rep * np.eye(len(cells.reps)) - rep**2 * cells.Zr.T @ P @ cells.Zr
        self.loglik = -0.5 * float(
            (n - X.shape[1]) * np.log(2 * np.pi) + np.linalg.slogdet(V)[1] + np.linalg.slogdet(information)[1]
            - np.linalg.slogdet(X.T @ X)[1] + cells.m @ P @ cells.m
        )  # fmt: skip


def _covariance(cells: Cells, one: _Solved, policy: str, Q: Array, average: Array, alone: Array) -> Array:
    """K Σ̂ K' + Q(σ²_θ HH' + σ²_τ LL')Q', and what reps alone in their territories owe to them."""
    T = one.T if policy != "company" else 0 * one.T
    K = average @ cells.S - Q @ T
    H, L = T @ cells.Zr, np.eye(cells.Zt.shape[1]) - T @ cells.Zt
    covariance = K @ cells.sigma @ K.T
    if policy == "pooled":
        covariance = covariance + Q @ (one.rep * H @ H.T + one.territory * L @ L.T) @ Q.T
        covariance += np.diag(one.territory * alone * np.sum((cells.S @ np.eye(len(cells.m))) ** 2, axis=1))
    return covariance


def _predicted(cells: Cells, one: _Solved, anchored: Array) -> Array:
    return one.mu + cells.omega @ anchored @ one.tau / cells.omega.sum() + one.theta


def _nodes(cells: Cells, policy: str, rep: float, territory: float) -> list[tuple[float, _Solved]]:
    if policy != "pooled":
        return [(1.0, _Solved(cells, policy, rep, territory))]
    if len(cells.reps) >= 200:
        top = 3.5 * max(np.sqrt(territory), 0.6 * np.sqrt(rep))
        pairs = [(rep, ((k + 0.5) * top / 13) ** 2) for k in range(13)]
    else:
        step = 2 * np.std(cells.m, ddof=1) / 9
        pairs = [(((j + 0.5) * step) ** 2, ((k + 0.5) * step) ** 2) for j in range(9) for k in range(9)]
    solved = [_Solved(cells, policy, *pair) for pair in pairs]
    weight = np.exp([one.loglik - max(other.loglik for other in solved) for one in solved])
    return list(zip((weight / weight.sum()).tolist(), solved, strict=True))


def _gradient(cells: Cells, policy: str, rep: float, territory: float) -> Array:
    """The score of the restricted likelihood, by differences; one-sided at the boundary."""
    free = 2 if policy == "pooled" else 1
    gradient = np.zeros(free)
    for k in range(free):
        width = 1e-4 * max((rep, territory)[k], 1.0)
        up, down = [rep, territory], [rep, territory]
        up[k] += width
        down[k] = max(down[k] - width, 0.0)
        rise = _Solved(cells, policy, *up).loglik - _Solved(cells, policy, *down).loglik
        gradient[k] = rise / (up[k] - down[k])
    return gradient
