"""Diagnosis before blame: when customers are lost again and again, a record asks for the causes, the company's own
included. What the company caused does not count against the rep, with a reason and the name of who approved it."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Select, func, select
from sqlalchemy.orm import Session, joinedload

from scoring.diagnosis import asks_for_diagnosis
from survey import journal
from survey.indicators import revisions
from survey.models.company import Period
from survey.models.facts import IndicatorFact, LossDiagnosis
from survey.models.roster import Rep
from survey.refusals import N_, Refused

LOST = ("lost_customers", "lost customers", "老客户流失数", "流失客户", "流失客户数")
"""What facts about lost customers are called, in small letters."""

CAUSES = {
    "effort": ("松懈", "slackness"),
    "skill": ("方法或技能不足", "method or skill"),
    "leaving": ("有离职打算", "planning to leave"),
    "incentive": ("公司激励不到位", "the company’s incentive"),
    "support": ("公司支持不足", "the company’s support"),
    "supply": ("供货问题", "supply"),
    "price": ("价格问题", "price"),
    "territory": ("区域市场变化", "the territory"),
}
COMPANYS = frozenset({"incentive", "support", "supply", "price", "territory"})


class DiagnosisRefused(Refused):
    pass


class UnknownDiagnosis(Refused):
    """There is no such diagnosis, or it is not this person's to see: the answer is the same."""


def is_lost(indicator: str) -> bool:
    """Whether facts of this name count lost customers."""
    return indicator.strip().casefold() in LOST


def open_where_due(
    session: Session, *, by: str, at: datetime, rep: Rep | None = None
) -> Sequence[LossDiagnosis]:  # fmt: skip
    """Open a record wherever losses call for one, of one rep or of everybody: two or more in a period, or some in two
    consecutive periods. One that is there stays, with the losses as they are known now."""
    known = {(row.rep_id, row.period_id): row for row in session.scalars(select(LossDiagnosis))}
    opened = []
    for (rep_id, period), losses in _losses(session, rep).items():
        row = known.get((rep_id, period))
        if row is not None:
            row.losses = list(losses)
        elif losses[-1] and asks_for_diagnosis(losses):
            row = LossDiagnosis(
                rep_id=rep_id, period_id=period, losses=list(losses), causes=[], exempted=0, opened_at=at, opened_by=by
            )
            session.add(row)
            opened.append(row)
    session.flush()
    for row in opened:
        journal.record(session, "diagnosis opened", number(row), {"losses": row.losses}, by=by, at=at)
    return opened


def _losses(session: Session, rep: Rep | None) -> dict[tuple[int, int], tuple[int, ...]]:
    """Customers lost, by (rep id, period id): in the period before, if it ended the day before, and in this one."""
    found = session.execute(
        select(IndicatorFact.rep_id, Period, IndicatorFact.value)
        .join(Period, Period.id == IndicatorFact.period_id)
        .where(
            func.lower(IndicatorFact.indicator).in_(LOST), IndicatorFact.value.is_not(None),
            *([IndicatorFact.rep_id == rep.id] if rep else []),
        )
        .order_by(Period.from_on)
    )  # fmt: skip
    by_rep: dict[int, list[tuple[Period, int]]] = defaultdict(list)
    for rep_id, period, value in found:
        by_rep[rep_id].append((period, int(value or 0)))
    losses = {}
    for rep_id, of_rep in by_rep.items():
        for place, (period, lost) in enumerate(of_rep):
            before = [of_rep[place - 1][1]] if place and _follows(of_rep[place - 1][0], period) else []
            losses[rep_id, period.id] = (*before, lost)
    return losses


def _follows(before: Period, period: Period) -> bool:
    return before.to_on + timedelta(days=1) == period.from_on


def number(row: LossDiagnosis) -> str:
    """How papers and the journal name it."""
    return f"D-{row.period.code}-{row.rep.code}"


def of_period(session: Session, period: Period) -> dict[int, LossDiagnosis]:
    """The records of a period by rep id."""
    rows = session.scalars(
        select(LossDiagnosis)
        .where(LossDiagnosis.period_id == period.id)
        .options(joinedload(LossDiagnosis.rep), joinedload(LossDiagnosis.period))
    )
    return {row.rep_id: row for row in rows}


def find(session: Session, diagnosis_id: int, reps: Select[Any]) -> LossDiagnosis:
    """One record of these reps. Raises UnknownDiagnosis."""
    row = session.scalar(
        select(LossDiagnosis).where(LossDiagnosis.id == diagnosis_id, LossDiagnosis.rep_id.in_(reps))
    )  # fmt: skip
    if row is None:
        raise UnknownDiagnosis(N_("There is no diagnosis %(id)s to be seen."), id=diagnosis_id)
    return row


def answer(session: Session, row: LossDiagnosis, causes: Sequence[str], finding: str, *, by: str, at: datetime) -> None:
    """The causes a manager found, and what was found, in words. Other causes later keep the first as a revision.

    Raises DiagnosisRefused without a cause or without words.
    """
    if not causes or not set(causes) <= CAUSES.keys():
        raise DiagnosisRefused(N_("Choose at least one cause; the company’s own count as well."))
    if not finding.strip():
        raise DiagnosisRefused(N_("Write down what you found, so that it can be talked about."))
    chosen, found = [code for code in CAUSES if code in causes], finding.strip()
    if row.finding is None:
        row.causes, row.finding = chosen, found
    elif not revisions.correct(session, row, {"causes": chosen, "finding": found}, reason="other causes", by=by, at=at):
        return
    row.answered_at, row.answered_by = at, by
    journal.record(session, "diagnosis answered", number(row), {"causes": chosen}, by=by, at=at)


def exempt(session: Session, row: LossDiagnosis, lost: int, reason: str, *, by: str, at: datetime) -> None:
    """A reviewer says how many of the lost customers the company caused: they do not count against the rep.

    Raises DiagnosisRefused for the rep's own, for more than were lost, or while no cause of the company's was found;
    ReasonMissing.
    """
    if by.lower() == (row.rep.email or "").lower():
        raise DiagnosisRefused(N_("Nobody decides on a diagnosis of their own."))
    if not 0 <= lost <= row.losses[-1]:
        raise DiagnosisRefused(N_("Give a number from 0 to %(lost)s, the customers lost."), lost=row.losses[-1])
    if lost and not COMPANYS & set(row.causes):
        raise DiagnosisRefused(N_("No cause of the company’s own was found; the causes come first."))
    if not reason.strip():
        raise revisions.ReasonMissing(N_("Write down why; it stands beside the number."))
    values = {"exempted": lost, "reason": reason.strip(), "approved_by": by, "approved_at": at}
    if row.approved_at is not None:
        revisions.correct(session, row, values, reason=reason, by=by, at=at)
    else:
        for name, value in values.items():
            setattr(row, name, value)
    journal.record(session, "diagnosis approved", number(row), {"exempted": lost}, by=by, at=at)
