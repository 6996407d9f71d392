"""The ten scoring rules of an appraisal: from one indicator's actual value to its points.

Throughout, ``weight`` is the indicator's full points w, ``actual`` is x and ``target`` is T in the same unit as x.
Every rule is a pure function, clipped on its own, and moves in the indicator's good direction only. ``RULES`` names
them for schemes, with the parameters each one reads and their defaults; a scheme is data, so there is no expression
language and nothing is evaluated.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from statistics import NormalDist
from types import MappingProxyType

_NORMAL = NormalDist()
LATE_DAYS = 30
PLUG_IN, EXPECTED = "plug-in", "expected"
_NOISE = 9  # decimals kept before a ceiling or a comparison with a cut, so that 0.03/0.01 counts as 3 steps, not 4

Row = tuple[float, float]
Value = float | bool | str | tuple[Row, ...]
Fault = tuple[str, str, str, str]


def clip(value: float, low: float, high: float) -> float:
    return max(low, min(high, value))


def ratio(*, weight: float, actual: float, target: float, floor: float = 0.0, cap: float = 1.0) -> float:
    """R1 比率法: w·clip(x/T, floor, cap). ``target`` must be above zero."""
    return weight * clip(actual / target, floor, cap)


def lower_is_better(
    *, weight: float, actual: float, target: float, zero_at: float | None = None, zero_times: float | None = None
) -> float:
    """R2 反向指标: w·clip((L − x)/(L − T), 0, 1), where L is the level that scores 0.

    L is ``zero_at``, or ``zero_times``·T where targets differ between reps. Never T/x, which explodes as x falls to 0.
    Raises NoZeroLevel when L is not above T.
    """
    level = zero_at if zero_at is not None else (zero_times or 0.0) * target
    if level <= target:
        raise NoZeroLevel(target=target, level=level)
    return weight * clip((level - actual) / (level - target), 0.0, 1.0)


class NoZeroLevel(ValueError):
    def __init__(self, *, target: float, level: float) -> None:
        super().__init__(
            f"the level that scores 0 ({level:g}) is not above the target ({target:g}); correct one of the two"
        )


def step_deduction(*, weight: float, actual: float, target: float, step: float, step_points: float) -> float:
    """R3 减分法: max(0, w − d·ceil((T − x)/step)): every started step below the target costs d points, down to 0."""
    steps = max(0, math.ceil(round((target - actual) / step, _NOISE)))
    return max(0.0, weight - step_points * steps)


def band_table(*, weight: float, actual: float, target: float, table: Sequence[Row]) -> float:
    """R4 层差法: points of the half-open band [from, next) that holds the attainment x/T.

    ``table`` holds (from, points) rows, highest first; the top band has no upper end, and below the lowest row there
    are no points. No band gives more than the weight.
    """
    attainment = round(actual / target, _NOISE)
    for lowest, points in table:
        if attainment >= lowest:
            return min(points, weight)
    return 0.0


def pass_fail(*, weight: float, actual: float, target: float) -> float:
    """R5 非此即彼法: w when x ≥ T, else 0."""
    return weight if round(actual - target, _NOISE) >= 0 else 0.0


def capped_events(points: Iterable[float], *, cap: float) -> float:
    """R6 雷区扣分: −min(cap, Σ points); ``points`` are positive, multipliers already applied. Order does not matter."""
    return 0.0 - min(cap, math.fsum(points))


def threshold_share(
    *, weight: float, actual: float, target: float, threshold: float = 1.0, all_or_nothing: bool = False
) -> float:
    """R7 达标率: w·clip(share/threshold, 0, 1), or w only from the threshold on when ``all_or_nothing``.

    The share is x/T: customers that meet the criterion over customers looked at (18 of 20, or 90 of 100).
    """
    attained = actual / target / threshold
    if all_or_nothing:
        return weight if round(attained, _NOISE) >= 1 else 0.0
    return weight * clip(attained, 0.0, 1.0)


def milestones(*, weight: float, actual: float, target: float, cap: float = 1.1) -> float:
    """R8 阶段节点法: w·clip(EV/PV, 0, cap); x is the earned, T the planned value of ``earned_value``."""
    return weight * clip(actual / target, 0.0, cap)


@dataclass(frozen=True, slots=True, kw_only=True)
class Stage:
    """One stage of a project: its weight, the share planned to date and the share done, both 0–1; and by how many days
    it was finished late."""

    weight: float
    planned: float
    done: float
    project_weight: float = 1.0
    days_late: int = 0

    def kept(self, late_step: float) -> float:
        """What lateness leaves of its value: 1 less ``late_step`` for every 30 days begun, down to 0."""
        return max(0.0, 1 - late_step * math.ceil(max(0, self.days_late) / LATE_DAYS))


def earned_value(stages: Iterable[Stage], *, late_step: float = 0.0) -> tuple[float, float]:
    """(EV, PV) = (Σ v·weight·done·kept, Σ v·weight·planned) over all stages of all projects, v the project's weight.

    Lateness costs nothing unless the scheme says so (``late_step``).
    """
    listed = tuple(stages)
    earned = math.fsum(stage.project_weight * stage.weight * stage.done * stage.kept(late_step) for stage in listed)
    return earned, math.fsum(stage.project_weight * stage.weight * stage.planned for stage in listed)


def anchored_rating(*, weight: float, actual: float, lowest: float = 1.0, highest: float = 5.0) -> float:
    """R9 等级评分: w·(r − 1)/4 for a rating r on 1–5; other scales likewise, from ``lowest`` to ``highest``."""
    return weight * clip((actual - lowest) / (highest - lowest), 0.0, 1.0)


def satisfaction(
    *,
    weight: float,
    actual: float,
    zero_at: float = 60.0,
    full_at: float = 90.0,
    points: str = PLUG_IN,
    sd: float = 0.0,
) -> float:
    """R10 调整后满意度: w·clip((θ − L)/(T − L), 0, 1) at the reported score θ, L = ``zero_at``, T = ``full_at``.

    θ arrives shrunk once and is never shrunk again. These are plug-in points: uncertainty neither rewards nor punishes.
    A scheme may choose ``points`` "expected" instead: the mean of the same line over θ's uncertainty ``sd``.
    """
    if points == EXPECTED and sd > 0:
        return expected_satisfaction(weight=weight, mean=actual, sd=sd, zero_at=zero_at, full_at=full_at)
    return weight * clip((actual - zero_at) / (full_at - zero_at), 0.0, 1.0)


def expected_satisfaction(
    *, weight: float, mean: float, sd: float, zero_at: float = 60.0, full_at: float = 90.0
) -> float:
    """w·E[g(X)] for the clipped line g of ``satisfaction`` and X ~ N(mean, sd²), sd > 0.

    E g = ((m − L)(Φ(β) − Φ(α)) + s(φ(α) − φ(β)))/(T − L) + 1 − Φ(β), α = (L − m)/s, β = (T − m)/s. Paid only
    where a scheme chose it: it costs the uncertain near T and favours them near L (Jensen).
    """
    alpha, beta = (zero_at - mean) / sd, (full_at - mean) / sd
    middle = (mean - zero_at) * (_NORMAL.cdf(beta) - _NORMAL.cdf(alpha)) + sd * (_NORMAL.pdf(alpha) - _NORMAL.pdf(beta))
    return weight * (middle / (full_at - zero_at) + 1 - _NORMAL.cdf(beta))


def satisfaction_variance(
    *, weight: float, mean: float, sd: float, zero_at: float = 60.0, full_at: float = 90.0
) -> float:
    """Var(w·g(X)) exactly, in points², for X ~ N(mean, sd²); 0 when sd = 0.

    E[g²] = w²({[(m − L)² + s²](Φ(β) − Φ(α)) − s[(T + m − 2L)φ(β) − (m − L)φ(α)]}/(T − L)² + 1 − Φ(β)), less (E g)².
    """
    if sd == 0:
        return 0.0
    span, above = full_at - zero_at, mean - zero_at
    alpha, beta = -above / sd, (full_at - mean) / sd
    middle = (above**2 + sd**2) * (_NORMAL.cdf(beta) - _NORMAL.cdf(alpha))
    edges = sd * ((span + above) * _NORMAL.pdf(beta) - above * _NORMAL.pdf(alpha))
    square = weight**2 * ((middle - edges) / span**2 + 1 - _NORMAL.cdf(beta))
    expected = expected_satisfaction(weight=weight, mean=mean, sd=sd, zero_at=zero_at, full_at=full_at)
    return max(0.0, square - expected**2)


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """One rule as schemes name it.

    ``needs_target``: a target goes with the value; ``divides``: and must be above 0. ``survey``: the value is a
    surveyed score, and its standard deviation goes with it. ``defaults`` and ``required`` name the parameters,
    ``optional`` those that may stay away; ``check`` says what is wrong with given ones as (key, what, remedy, zh), the
    last one both in Chinese.
    """

    number: str
    zh: str
    en: str
    points: Callable[..., float]
    needs_target: bool = True
    divides: bool = False
    survey: bool = False
    defaults: Mapping[str, Value] = field(default_factory=dict)
    required: frozenset[str] = frozenset()
    optional: frozenset[str] = frozenset()
    check: Callable[[Mapping[str, Value]], list[Fault]] = lambda _given: []

    @property
    def parameters(self) -> frozenset[str]:
        return self.required | self.optional | self.defaults.keys()


def number_of(given: Mapping[str, Value], key: str) -> float:
    """A numeric parameter; NaN when it was not given."""
    value = given.get(key, math.nan)
    return math.nan if isinstance(value, tuple | str) else float(value)


def _positive(*keys: str) -> Callable[[Mapping[str, Value]], list[Fault]]:
    def check(given: Mapping[str, Value]) -> list[Fault]:
        wrong = [key for key in keys if number_of(given, key) <= 0]
        return [
            (
                key, f"{key} is {given[key]}, and must be above 0", f"give {key} a number above 0",
                f"{key} 为 {given[key]}；请填写大于 0 的数字。",
            )
            for key in wrong
        ]  # fmt: skip

    return check


def _ordered(low: str, high: str) -> Callable[[Mapping[str, Value]], list[Fault]]:
    def check(given: Mapping[str, Value]) -> list[Fault]:
        if number_of(given, low) >= number_of(given, high):
            what = f"{high} ({given[high]}) is not above {low} ({given[low]})"
            zh = f"{high}（{given[high]}）不高于 {low}（{given[low]}）；请让 {high} 大于 {low}。"
            return [(high, what, f"choose {high} larger than {low}", zh)]
        return []

    return check


def _one_zero_level(given: Mapping[str, Value]) -> list[Fault]:
    if ("zero_at" in given) == ("zero_times" in given):
        what = "the level that scores 0 must be given exactly once"
        remedy = "give either zero_at (a value) or zero_times (a multiple of the target)"
        zh = "得 0 分的水平须且只须给出一次；请填写 zero_at（数值）或 zero_times（目标的倍数）之一。"
        return [("zero_at", what, remedy, zh)]
    if number_of(given, "zero_times") <= 1:
        what = f"zero_times is {given['zero_times']}, so the target itself would score 0"
        zh = f"zero_times 为 {given['zero_times']}，达到目标反而得 0 分；请填写大于 1 的数字。"
        return [("zero_times", what, "give a number above 1", zh)]
    return []


_ROWS = "write rows such as [[1.0, 10], [0.9, 8]]: attainment from, points"
_ROWS_ZH = "请按“起始达成率、分数”写各行，例如 [[1.0, 10], [0.9, 8]]。"


def _falling_table(given: Mapping[str, Value]) -> list[Fault]:
    rows = given.get("table", ())
    if not isinstance(rows, tuple) or not rows:
        return [("table", "there are no rows", _ROWS, f"表中没有行；{_ROWS_ZH}")]
    starts, points = [row[0] for row in rows], [row[1] for row in rows]
    if starts != sorted(set(starts), reverse=True) or points != sorted(points, reverse=True) or points[-1] < 0:
        what = "the rows must run from the highest attainment to the lowest, with points falling, none below 0"
        zh = f"各行须从达成率最高写到最低，分数依次递减，且不低于 0；{_ROWS_ZH}"
        return [("table", what, _ROWS, zh)]
    return []


def _threshold(given: Mapping[str, Value]) -> list[Fault]:
    if not 0 < number_of(given, "threshold") <= 1:
        zh = f"threshold 为 {given['threshold']}；请填写大于 0、不超过 1 的比例，例如 0.9。"
        remedy = "give a share above 0 and up to 1, such as 0.9"
        return [("threshold", f"threshold is {given['threshold']}", remedy, zh)]
    return []


def _satisfaction_line(given: Mapping[str, Value]) -> list[Fault]:
    found = _ordered("zero_at", "full_at")(given)
    if given["points"] not in (PLUG_IN, EXPECTED):
        remedy = f'write "{PLUG_IN}" (at the reported score) or "{EXPECTED}" (over its uncertainty)'
        zh = f'points 为 {given["points"]!r}；请写 "{PLUG_IN}"（按报告的分数）或 "{EXPECTED}"（按不确定范围取期望）。'
        found.append(("points", f"points is {given['points']!r}", remedy, zh))
    return found


RULES: Mapping[str, Rule] = MappingProxyType(
    {
        "ratio": Rule(
            number="R1",
            zh="比率法",
            en="ratio",
            points=ratio,
            divides=True,
            defaults={"floor": 0.0, "cap": 1.0},
            check=_ordered("floor", "cap"),
        ),
        "lower_is_better": Rule(
            number="R2",
            zh="反向指标",
            en="lower is better",
            points=lower_is_better,
            optional=frozenset({"zero_at", "zero_times"}),
            check=_one_zero_level,
        ),
        "step_deduction": Rule(
            number="R3",
            zh="减分法",
            en="step deduction",
            points=step_deduction,
            required=frozenset({"step", "step_points"}),
            check=_positive("step", "step_points"),
        ),
        "band_table": Rule(
            number="R4",
            zh="层差法",
            en="band table",
            points=band_table,
            divides=True,
            required=frozenset({"table"}),
            check=_falling_table,
        ),
        "pass_fail": Rule(number="R5", zh="非此即彼法", en="pass or fail", points=pass_fail),
        "threshold_share": Rule(
            number="R7",
            zh="达标率",
            en="share that meets the criterion",
            points=threshold_share,
            divides=True,
            defaults={"threshold": 1.0, "all_or_nothing": False},
            check=_threshold,
        ),
        "milestones": Rule(
            number="R8",
            zh="阶段节点法",
            en="weighted milestones",
            points=milestones,
            divides=True,
            defaults={"cap": 1.1},
            check=_positive("cap"),
        ),
        "anchored_rating": Rule(
            number="R9",
            zh="等级评分",
            en="anchored rating",
            points=anchored_rating,
            needs_target=False,
            defaults={"lowest": 1.0, "highest": 5.0},
            check=_ordered("lowest", "highest"),
        ),
        "satisfaction": Rule(
            number="R10",
            zh="调整后满意度",
            en="adjusted satisfaction",
            points=satisfaction,
            needs_target=False,
            survey=True,
            defaults={"zero_at": 60.0, "full_at": 90.0, "points": PLUG_IN},
            check=_satisfaction_line,
        ),
    }
)
