"""The team pages as tables for a file: the same rows, the same filters, nothing that the page does not show."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from sqlalchemy.orm import Session

from survey.dashboards.shown import ShownScore
from survey.dashboards.team import Team
from survey.dashboards.team.answers import answers_page
from survey.dashboards.team.pictures import adjustment_page, funnel_page, territories_page, trend_page
from survey.questionnaires.sheet import Wording
from survey.refusals import N_
from survey.tables.writing import Cell, Column, Table

Say = Callable[[str], str]

EVIDENCE = {"withheld": N_("withheld"), "thin": N_("thin"), "provisional": N_("provisional"), "full": N_("full")}
VERDICTS = {
    "above": N_("above"), "below": N_("below"), "cannot be told apart": N_("cannot be told apart"),
}  # fmt: skip
REP = (Column(label=N_("Code"), kind="text"), Column(label=N_("Rep"), kind="text"))


@dataclass(frozen=True, slots=True, kw_only=True)
class Speech:
    """How the file speaks: a translator of sentences, and of wordings that exist in both languages."""

    say: Say
    wording: Callable[[Wording], str]


def table(session: Session, team: Team, view: str, speech: Speech) -> Table:
    """One of the team pages as a table, with every row the filters leave. Expects a team with a run."""
    columns, rows = _VIEWS[view](session, team, speech)
    named = [Column(label=speech.say(column.label), kind=column.kind) for column in columns]
    return Table(name=str(team.choice.period), columns=named, rows=list(rows))


_Built = tuple[Sequence[Column], Iterator[Sequence[Cell]]]


def _reps(_session: Session, team: Team, speech: Speech) -> _Built:
    columns = (
        *REP, Column(label=N_("Position"), kind="text"), Column(label=N_("Territory"), kind="text"),
        Column(label=N_("Dimension"), kind="text"), Column(label=N_("Raw"), kind="score"),
        Column(label=N_("Adjusted"), kind="score"), Column(label=N_("Interval from"), kind="score"),
        Column(label=N_("Interval to"), kind="score"), Column(label=N_("Reliability"), kind="ratio"),
        Column(label=N_("Answers"), kind="count"), Column(label=N_("Customers"), kind="count"),
        Column(label=N_("Evidence"), kind="text"), Column(label=N_("Beside the mean"), kind="text"),
        Column(label=N_("Reported"), kind="score"),
    )  # fmt: skip
    dimension = speech.wording(team.choice.item_name) if team.choice.item_name else ""

    def rows() -> Iterator[Sequence[Cell]]:
        for row in team.page:
            score = row.score
            verdict = team.against_the_mean(score)
            yield (
                row.code, row.name, row.position, speech.say(N_(", ")).join(row.territories), dimension, score.raw,
                score.adjusted, score.low, score.high, score.reliability, score.responses, score.customers,
                speech.say(EVIDENCE[score.evidence]), speech.say(VERDICTS[verdict]) if verdict else None,
                score.reported,
            )  # fmt: skip

    return columns, rows()


def _funnel(_session: Session, team: Team, _speech: Speech) -> _Built:
    columns = (
        *REP, Column(label=N_("Customers, effective"), kind="score"), Column(label=N_("Adjusted"), kind="score"),
        Column(label=N_("Usual from"), kind="score"), Column(label=N_("Usual to"), kind="score"),
    )  # fmt: skip
    funnel = funnel_page(team)
    points = funnel.page if funnel else ()
    return columns, ((one.row.code, one.row.name, one.customers, one.score, one.low, one.high) for one in points)


def _territories(session: Session, team: Team, speech: Speech) -> _Built:
    columns = (
        Column(label=N_("Territory"), kind="text"), *REP, Column(label=N_("Adjusted"), kind="score"),
        Column(label=N_("Interval from"), kind="score"), Column(label=N_("Interval to"), kind="score"),
        Column(label=N_("Evidence"), kind="text"),
    )  # fmt: skip

    def rows() -> Iterator[Sequence[Cell]]:
        for place in territories_page(session, team):
            for row in place.rows:
                score: ShownScore = row.score
                said = speech.say(EVIDENCE[score.evidence])
                yield place.name, row.code, row.name, score.adjusted, score.low, score.high, said

    return columns, rows()


def _answers(session: Session, team: Team, speech: Speech) -> _Built:
    columns = (
        Column(label=N_("Dimension"), kind="text"), Column(label=N_("Point of the scale"), kind="text"),
        Column(label=N_("Answers"), kind="count"), Column(label=N_("Share"), kind="share"),
    )  # fmt: skip

    def rows() -> Iterator[Sequence[Cell]]:
        for item in answers_page(session, team).items:
            total = sum(item.counts or ())
            for level, count in zip(item.levels, item.counts or (), strict=False):
                yield speech.wording(item.name), level, count, count / total

    return columns, rows()


def _rates(session: Session, team: Team, _speech: Speech) -> _Built:
    columns = (
        *REP, Column(label=N_("Asked"), kind="count"), Column(label=N_("Answered"), kind="count"),
        Column(label=N_("Response rate"), kind="share"),
    )  # fmt: skip
    reached = answers_page(session, team).reached
    return columns, ((one.row.code, one.row.name, one.asked, one.answered, one.rate) for one in reached)


def _trend(session: Session, team: Team, speech: Speech) -> _Built:
    columns = (
        *REP, Column(label=N_("Earlier"), kind="score"), Column(label=N_("Now"), kind="score"),
        Column(label=N_("Change"), kind="score"), Column(label=N_("Interval from"), kind="score"),
        Column(label=N_("Interval to"), kind="score"), Column(label=N_("To be expected by itself"), kind="score"),
        Column(label=N_("What can be said"), kind="text"),
    )  # fmt: skip
    rows = trend_page(session, team).rows
    return columns, (
        (one.row.code, one.row.name, one.earlier, one.later, one.difference, one.low, one.high, one.expected,
         speech.say(CHANGES[one.verdict]))
        for one in rows
    )  # fmt: skip


CHANGES = {
    "above": N_("has risen"), "below": N_("has fallen"), "cannot be told apart": N_("cannot be told from chance"),
}  # fmt: skip


def _adjustment(session: Session, team: Team, _speech: Speech) -> _Built:
    columns = (
        *REP, Column(label=N_("Raw"), kind="score"), Column(label=N_("Customer mix"), kind="score"),
        Column(label=N_("Territory"), kind="score"), Column(label=N_("Centring"), kind="score"),
        Column(label=N_("Adjusted"), kind="score"), Column(label=N_("Moved"), kind="score"),
    )  # fmt: skip

    def rows() -> Iterator[Sequence[Cell]]:
        for one in adjustment_page(session, team).page:
            steps, score = one.row.steps, one.row.score
            assert steps is not None
            yield (
                one.row.code, one.row.name, score.raw, steps.mix, steps.territory, steps.centring, score.adjusted,
                one.moved,
            )  # fmt: skip

    return columns, rows()


_VIEWS: dict[str, Callable[[Session, Team, Speech], _Built]] = {
    "reps": _reps, "funnel": _funnel, "territories": _territories, "answers": _answers, "rates": _rates,
    "trend": _trend, "adjustment": _adjustment,
}  # fmt: skip
