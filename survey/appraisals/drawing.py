"""Drawing up: a period's scores, facts and events under one scheme become appraisals, kept whole."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from scoring.appraisal import appraise, unused
from scoring.facts import FactsRefused
from scoring.outcome import Outcome
from scoring.scheme import Scheme
from survey import journal, schemes
from survey.appraisals import counting, inputs, sources
from survey.appraisals.composing import compose
from survey.appraisals.counting import is_amount
from survey.appraisals.diagnosing import diagnoses, reads
from survey.appraisals.grounds import FactsDoNotFit, Grounds, gather
from survey.appraisals.statement import Statement, journaled_as, snapshot_hash
from survey.appraisals.trend import earlier
from survey.models.appraising import Appraisal, SchemeVersion
from survey.models.roster import Rep
from survey.refusals import N_, Refused
from survey.roster import periods


class NobodyToAppraise(Refused):
    pass


@dataclass(frozen=True, slots=True, kw_only=True)
class DrawnUp:
    """What drawing up did: appraisals by change (created, revised, proposed, unchanged, final), and the indicator and
    category codes among facts and events for which the scheme has no line; and whether the scheme was adopted before
    the period (if not, nothing adverse may follow)."""

    adopted_in_time: bool
    appraisals: tuple[tuple[Appraisal, str], ...]
    unused: tuple[str, ...]


def draw_up(
    session: Session,
    period_code: str,
    version: SchemeVersion,
    *,
    rep_code: str | None = None,
    draft: bool = False,
    by: str,
    at: datetime,
) -> DrawnUp:
    """Draw up the appraisals of everyone with a fact or a score under a scheme, or of one rep.

    The same grounds give the same appraisal again. Others replace a draft, and make a numbered revision of what was
    proposed; what is final stays. Raises UnknownPeriod, NotAdopted, NoRun, UnknownRep, NobodyToAppraise, FactsDoNotFit.
    """
    if version.adopted_at is None and not draft:
        raise schemes.not_adopted(version.name)
    grounds = gather(session, periods.find(session, period_code), version)
    reps = {rep.code: rep for rep in session.scalars(select(Rep))}
    if rep_code is not None:
        inputs.rep_of(session, rep_code)
    outcomes = _outcomes(grounds, reps)
    chosen = [one for one in outcomes if rep_code in (None, one.rep)]
    if not chosen:
        raise NobodyToAppraise(
            N_("There is nothing to appraise in %(period)s under %(scheme)s: no fact and no score."),
            period=period_code, scheme=version.name,
        )  # fmt: skip
    drawn = _kept(session, grounds, {reps[one.rep].id: one for one in chosen}, reps.values(), draft=draft, by=by, at=at)
    idle = unused(grounds.scheme, grounds.facts, grounds.events)
    return DrawnUp(
        adopted_in_time=grounds.adopted_in_time,
        appraisals=drawn,
        unused=tuple(code for code in idle if not (reads(code) or is_amount(code))),
    )


def _outcomes(grounds: Grounds, reps: Mapping[str, Rep]) -> tuple[Outcome, ...]:
    """Everybody's outcome, also when one rep's is wanted: the benefit of the doubt looks at the whole position."""
    indicators = {one.code for one in grounds.scheme.indicators}
    facts = [one for one in grounds.facts if one.indicator in indicators]
    wanted = set(grounds.surveyed.values())
    scores = [inputs.as_read(rep, row) for (rep, item), row in grounds.scores.items() if item in wanted]
    found = {one.rep for one in facts} | {one.rep for one in scores}
    try:
        return appraise(
            scores, facts, grounds.events, grounds.scheme, composite=grounds.composite, averages=grounds.means,
            positions={code: rep.position or "" for code, rep in reps.items()},
            reps={rep for rep in found if _in_position(grounds.scheme, reps[rep])},
            adopted_in_time=grounds.adopted_in_time,
        )  # fmt: skip
    except FactsRefused as refusal:
        raise FactsDoNotFit(
            N_("The facts do not fit the scheme: %(mistakes)s"),
            mistakes=str(refusal),
            problems=tuple(Refused("%(problem)s", problem=problem) for problem in refusal.problems),
        ) from None


def _in_position(scheme: Scheme, rep: Rep) -> bool:
    """Reps who face different customers have schemes of their own."""
    return not scheme.positions or (rep.position or "") in scheme.positions


def _kept(
    session: Session, grounds: Grounds, outcomes: Mapping[int, Outcome], reps: Iterable[Rep], *, draft: bool, by: str,
    at: datetime,
) -> tuple[tuple[Appraisal, str], ...]:  # fmt: skip
    everybody = list(reps)
    people = inputs.people(session, grounds.period, [rep for rep in everybody if rep.id in outcomes])
    numbers, before = _numbers(session, grounds), _before(session, grounds)
    history = earlier(session, grounds.period, grounds.version.name)
    tables = diagnoses(session, grounds.period, everybody)
    counts, causes = sources.counted(session, grounds.period), inputs.causes(session, grounds.period)
    projects = counting.lanes(session, grounds.period, grounds.scheme)
    drawn = []
    for rep_id, outcome in outcomes.items():
        previous = before.get(rep_id)
        number = previous.number if previous else _free_number(grounds, people[rep_id].code, numbers)
        statement = compose(
            grounds, rep_id, people[rep_id], outcome,
            colleagues=[rep.code for rep in everybody if (rep.position or "") == people[rep_id].position],
            before=history.get(rep_id, ()), diagnosis=tables.get(rep_id),
            counts=counts.get(rep_id, {}), causes=causes.get(rep_id),
            projects=projects.get(rep_id, ()), number=number,
            revision=previous.revision if previous else 1,
        )  # fmt: skip
        drawn.append(_put(session, grounds, rep_id, statement, previous, draft=draft, by=by, at=at))
    return tuple(drawn)


def _before(session: Session, grounds: Grounds) -> dict[int, Appraisal]:
    """The last revision of each rep's appraisal in this period under this scheme, whatever its version."""
    rows = session.scalars(
        select(Appraisal)
        .join(SchemeVersion)
        .where(Appraisal.period_id == grounds.period.id, SchemeVersion.name == grounds.version.name)
        .order_by(Appraisal.revision)
    )
    return {row.rep_id: row for row in rows}


def _numbers(session: Session, grounds: Grounds) -> set[str]:
    return set(session.scalars(select(Appraisal.number).where(Appraisal.period_id == grounds.period.id)))


def _free_number(grounds: Grounds, rep: str, taken: set[str]) -> str:
    """A-PERIOD-REP, counted on for a rep appraised under several schemes."""
    first = f"A-{grounds.period.code}-{rep}"
    number, count = first, 1
    while number in taken:
        count += 1
        number = f"{first}-{count}"
    taken.add(number)
    return number


def _put(
    session: Session, grounds: Grounds, rep_id: int, statement: Statement, previous: Appraisal | None, *, draft: bool,
    by: str, at: datetime,
) -> tuple[Appraisal, str]:  # fmt: skip
    """Store a statement: over a draft, as a revision of a proposal, or not at all (nothing changed, or it is final)."""
    change = "created"
    if previous is not None:
        if previous.snapshot_hash == _digest(statement):
            if draft or previous.state != "draft":
                return previous, "unchanged"
            change = "proposed"
        elif previous.state == "final":
            return previous, "final"
        elif previous.state == "proposed":
            statement, previous, change = replace(statement, revision=statement.revision + 1), None, "revised"
        else:
            change = "revised"
    row = previous or Appraisal(
        number=statement.number, revision=statement.revision, period_id=grounds.period.id, rep_id=rep_id
    )
    row.run_id = grounds.run.id if grounds.run else None
    row.scheme_version_id = grounds.version.id
    row.state = "draft" if draft else "proposed"
    row.total, row.band = statement.outcome.total, statement.outcome.band or None
    row.outcome, row.statement = statement.outcome.record(), statement.record()
    row.snapshot_hash = _digest(statement)
    row.drawn_up_at, row.drawn_up_by = at, by
    session.add(row)
    session.flush()
    details = {"state": row.state, "snapshot": row.snapshot_hash}
    journal.record(session, "appraisal drawn up", journaled_as(row.number, row.revision), details, by=by, at=at)
    return row, change


def _digest(statement: Statement) -> str:
    return snapshot_hash(statement.record(), statement.outcome.record())
