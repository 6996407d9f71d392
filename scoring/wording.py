"""Why this number: one sentence per part, in Chinese and English, from the same numbers as the points."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from scoring.facts import MISSING
from scoring.rules import EXPECTED

_RELIABLE = 0.80

Pair = tuple[str, str]
Working = Mapping[str, Any]


def number(value: float) -> str:
    """A value as people write it: at most two decimals, thousands separated, no idle zeros."""
    text = f"{round(value, 2):,.2f}".rstrip("0").rstrip(".")
    return "0" if text == "-0" else text.replace("-", "−")


def signed(printed: str) -> str:
    return f"+{printed}" if not printed.startswith("-") else printed.replace("-", "−")


def why_indicator(rule: str, working: Working, *, unit: str, weight: float, printed: str) -> Pair:
    """From actual value and target to the points printed."""
    zh, en = _RULES[rule](working, unit)
    zh = zh.replace(" %", "%")  # Chinese sets no space before it
    return f"{zh}；满分 {number(weight)} 分，得 {printed} 分。", f"{en}; that is {printed} of {number(weight)} points."


def why_missing(reason: str) -> Pair:
    zh, en = MISSING[reason]
    if reason == "withheld_by_rep":
        return f"{zh}。", f"{_sentence(en)}."
    return f"{zh}；其余指标折算为 100 分。", f"{_sentence(en)}; the other indicators are rescaled to 100 points."


def why_reweighted(points: float, weight: float, main: str) -> Pair:
    earned, full = number(points), number(weight)
    return (
        f"有得分的指标共 {earned}/{full} 分，折算为 {main}/100 分。",
        f"{earned} of {full} points, rescaled to {main} of 100.",
    )


def note_deduction(uncapped: float, cap: float) -> Pair:
    """The amount before its cap, where the cap bites: −7, capped at −5."""
    if uncapped <= cap:
        return "", ""
    return f"−{number(uncapped)}，封顶 −{number(cap)}", f"−{number(uncapped)}, capped at −{number(cap)}"


def why_deducted(
    counted: Sequence[float], uncapped: float, cap: float, spared: int, *, overturned: int = 0, expired: int = 0
) -> Pair:
    zh, en = "没有扣分事件。", "No event costs points."
    if counted:
        listed = " + ".join(number(one) for one in counted)
        summed = listed if len(counted) == 1 else f"{listed} = {number(uncapped)}"
        zh, en = (
            f"扣 {summed} 分，封顶 {number(cap)} 分。",
            f"{_of_points(summed, uncapped)}, at most {number(cap)} in this category.",
        )
    if spared:
        zh += f"另有 {spared} 件已反映在满意度中，不重复扣分。"
        en += f" {spared} more already count in the satisfaction and are not deducted again."
    if overturned:
        zh += f"另有 {overturned} 件经复核不成立，不扣分。"
        en += f" {overturned} more did not stand and cost nothing."
    if expired:
        zh += f"另有 {expired} 件已过有效期，不再扣分。"
        en += f" {expired} more have expired and cost nothing any more."
    return zh, en


def _points(amount: float) -> str:
    return _of_points(number(amount), amount)


def _of_points(said: str, amount: float) -> str:
    return f"{said} {'point' if amount == 1 else 'points'}"


def why_total_cap(cap: float) -> Pair:
    return f"扣分合计以 {number(cap)} 分为限。", f"All deductions together take at most {number(cap)} points."


def why_limit(total: float) -> Pair:
    return f"总分以 0–100 分为限，计 {number(total)} 分。", f"Totals stay within 0 and 100: {number(total)} points."


def note_verified(verified: Mapping[str, float]) -> Pair:
    """What customers said of a self-report: 9 of 12 bear it out (75 %, 47–91 %)."""
    if not verified:
        return "自报，未经客户核实，不计入覆盖", "self-reported, not borne out by customers, not covered"
    confirmed, asked = number(verified["confirmed"]), number(verified["asked"])
    share = percent(verified["confirmed"] / verified["asked"])
    low, high = (f"{100 * verified[end]:.0f}" for end in ("low", "high"))
    reported = number(verified["reported_by_rep"])
    return (
        f"自报 {reported}；{asked} 位客户中 {confirmed} 位证实（{share.replace(' ', '')}，95% 区间 {low}–{high}%），"
        "只计证实部分",
        f"reported {reported}; {confirmed} of {asked} customers bear it out ({share}, 95 % interval {low}–{high} %), "
        "only that share scores",
    )


def note_satisfaction(evidence: str) -> Pair:
    return {
        "thin": ("答卷不足以比较", "not enough answers to compare"),
        "provisional": ("暂定，不作不利结论", "provisional, no adverse consequence"),
    }.get(evidence, ("", ""))


def _sentence(text: str) -> str:
    return text[:1].upper() + text[1:]


def _of(value: float, unit: str) -> str:
    return f"{number(value)} {unit}".strip()


def percent(share: float) -> str:
    """A share in per cent, as English sets it; at most one decimal."""
    return f"{number(round(100 * share, 1))} %"


def _attained(working: Working, unit: str) -> Pair:
    actual, target = _of(working["actual"], unit), _of(working["target"], unit)
    share = percent(working["actual"] / working["target"])
    return f"实际 {actual}，目标 {target}，达成 {share}", f"{actual} against a target of {target} is {share}"


def _ratio(working: Working, unit: str) -> Pair:
    zh, en = _attained(working, unit)
    share, cap, floor = working["actual"] / working["target"], working["cap"], working["floor"]
    if share > cap:
        return f"{zh}，按上限 {percent(cap)} 计", f"{en}, counted up to {percent(cap)}"
    if share < floor:
        return f"{zh}，按下限 {percent(floor)} 计", f"{en}, counted as {percent(floor)} at least"
    return zh, en


def _lower_is_better(working: Working, unit: str) -> Pair:
    actual, target = _of(working["actual"], unit), _of(working["target"], unit)
    level = working["zero_at"] if "zero_at" in working else working["zero_times"] * working["target"]
    zh = f"实际 {actual}，不高于 {target} 得满分，达到 {_of(level, unit)} 得 0 分"
    return zh, f"{actual}; {target} or less earns everything, {_of(level, unit)} or more nothing"


def _step_deduction(working: Working, unit: str) -> Pair:
    actual, target, step = (_of(working[key], unit) for key in ("actual", "target", "step"))
    return f"实际 {actual}，目标 {target}，每低 {step}（不足的按一档计）扣 {number(working['step_points'])} 分", (
        f"{actual} against a target of {target}, less {_points(working['step_points'])} for every {step} begun below it"
    )


def _band_table(working: Working, unit: str) -> Pair:
    zh, en = _attained(working, unit)
    share = working["actual"] / working["target"]
    row = next((low for low, _ in working["table"] if round(share, 9) >= low), None)
    if row is None:
        return f"{zh}，低于最低一档", f"{en}, below the lowest band"
    return f"{zh}，属 {percent(row)} 起的一档", f"{en}, in the band from {percent(row)}"


def _pass_fail(working: Working, unit: str) -> Pair:
    actual, target = _of(working["actual"], unit), _of(working["target"], unit)
    passed = round(working["actual"] - working["target"], 9) >= 0
    zh = f"实际 {actual}，要求 {target}，{'达到' if passed else '未达到'}"
    return zh, f"{actual} where {target} is required: {'passed' if passed else 'not passed'}"


def _threshold_share(working: Working, unit: str) -> Pair:
    actual, target = number(working["actual"]), _of(working["target"], unit)
    share, threshold = percent(working["actual"] / working["target"]), percent(working["threshold"])
    whole = working["all_or_nothing"]
    zh = f"{target} 中 {actual} 达标，即 {share}，标准 {threshold}{'，未达标不得分' if whole else ''}"
    return zh, f"{actual} of {target} meet it, {share} where {threshold} is asked{', all or nothing' if whole else ''}"


def _milestones(working: Working, unit: str) -> Pair:
    done, planned = _of(working["actual"], unit), _of(working["target"], unit)
    share = percent(working["actual"] / working["target"])
    return f"已完成阶段值 {done}，计划 {planned}，进度 {share}", f"{done} earned of {planned} planned is {share}"


def _anchored_rating(working: Working, _unit: str) -> Pair:
    rating = number(working["actual"])
    scale = f"{number(working['lowest'])}–{number(working['highest'])}"
    return f"评分 {rating}（{scale}），未作宽严校正", f"Rated {rating} on {scale}, not corrected for leniency"


def _satisfaction(working: Working, _unit: str) -> Pair:
    zero, full = number(working["zero_at"]), number(working["full_at"])
    zh_scale, en_scale = f"{zero} 分得 0，{full} 分得满分", f"{zero} earns nothing and {full} everything"
    zh_scale, en_scale = (said + more for said, more in zip((zh_scale, en_scale), _over(working), strict=True))
    reported = working["reported_printed"]
    steps = working.get("steps")
    if not steps:
        return f"调整后满意度 {reported}；{zh_scale}", f"Adjusted satisfaction {reported}; {en_scale}"
    shown = {name: printed for name, _, printed in steps}
    answers = working["responses"], working["customers"]
    more = _with_more_answers(working["responses"], working["reliability"])
    zh = (
        f"{answers[1]} 位客户的 {answers[0]} 份答卷原始平均 {shown['raw']}；客户结构 {signed(shown['mix'])}，"
        f"区域 {signed(shown['territory'])}，归中 {signed(shown['centring'])} → {shown['adjusted']}；"
        f"答卷有限，向平均{_average(working, ' {} ')}收缩 {signed(shown['shrinkage'])} → {reported}{more[0]}；"
        f"{zh_scale}"
    )
    en = (
        f"{answers[0]} answers of {answers[1]} customers average {shown['raw']}; customer mix {signed(shown['mix'])}, "
        f"territory {signed(shown['territory'])}, centring {signed(shown['centring'])} → {shown['adjusted']}; "
        f"drawn towards the average{_average(working, ' {}')} by {signed(shown['shrinkage'])} → {reported}{more[1]}; "
        f"{en_scale}"
    )
    return zh, en


def _over(working: Working) -> Pair:
    """That points are an expectation, and whom that costs, where the scheme chose it."""
    if working["points"] != EXPECTED:
        return "", ""
    sd = f"{working['reported_sd']:.1f}"
    return (
        f"；得分按该分数的不确定范围（标准差 {sd}）取期望值：接近满分线时，越不确定得分越低；接近零分线时则相反",
        f"; the points are their expectation over the uncertainty of this score (standard deviation {sd}), which costs "
        "the uncertain near the full mark and favours them near the other end",
    )


def _with_more_answers(answers: int, reliability: float | None) -> Pair:
    """What more answers would do: n' = n·[.8/(1 − .8)]/[ρ/(1 − ρ)] of them bring the reliability ρ to .80."""
    if reliability is None or not 0 < reliability < _RELIABLE:
        return "", ""
    needed = round(answers * _RELIABLE / (1 - _RELIABLE) * (1 - reliability) / reliability)
    return (
        f"（信度 {reliability:.2f}，约 {needed} 份答卷时可达 {_RELIABLE:.2f}）",
        f" (reliability {reliability:.2f}; about {needed} answers would bring it to {_RELIABLE:.2f})",
    )


def _average(working: Working, form: str) -> str:
    average = working["average"]
    return "" if average is None else form.format(number(round(average, 1)))


_RULES: Mapping[str, Callable[[Working, str], Pair]] = {
    "ratio": _ratio,
    "lower_is_better": _lower_is_better,
    "step_deduction": _step_deduction,
    "band_table": _band_table,
    "pass_fail": _pass_fail,
    "threshold_share": _threshold_share,
    "milestones": _milestones,
    "anchored_rating": _anchored_rating,
    "satisfaction": _satisfaction,
}
