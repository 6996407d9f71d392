"""Role by route by object, from the list of routes: one's own opens, another's is nobody's.

A new route whose address names an object of a rep's has to say here which object that is, or this test fails.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import date, timedelta

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import select
from sqlalchemy.orm import Session
from werkzeug.routing import Rule

from survey import access
from survey.context import now
from survey.models.answering import FollowUp, Interview
from survey.models.appraising import Appraisal
from survey.models.asking import Campaign, Invitation, Subject
from survey.models.company import Period
from survey.models.facts import ConductEvent, Goal, LossDiagnosis, MonitoringNote, PlanItem, Provision
from survey.models.roster import AssignmentCheck, Contact, Rep, ReportingLine
from tests.survey.conftest import put_events

from .conftest import Page

OF_EVERYBODY = {
    "campaigns.watched", "schemes.shown", "schemes.file", "manual.page", "manual.picture", "team.file",
    "wechat.desk", "wechat.write", "wechat.sent", "wechat.later", "wechat.unreached",
}  # fmt: skip
"""Routes about what belongs to the whole company: their pages show each reader their own people, which the tests of
those pages check."""
OWNERS = {"manager": "boss@h.example", "rep": "r01@h.example", "interviewer": "ann@h.example"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Owned:
    """What fills the places of an address so that it names something of one rep's (or interviewer's)."""

    code: str
    rep: str
    appraisal_id: int
    event_id: int
    goal_id: int
    diagnosis_id: int
    item_id: int
    note_id: int
    provision_id: int
    task_id: int
    interview_id: int
    check: int
    kind: str = "fact"
    name: str = "taiwan-six"


@pytest.fixture
def own_and_anothers(session: Session, six: tuple[Appraisal, ...]) -> tuple[Owned, Owned]:
    """R01 reports to the boss and was handed to Ann's telephone, R02 to somebody else's."""
    reps = {rep.code: rep for rep in session.scalars(select(Rep))}
    line = session.scalars(select(ReportingLine).where(ReportingLine.rep_id == reps["R02"].id)).one()
    line.manager_email = "other@h.example"
    for paper in six:
        paper.state, paper.decided_by, paper.decided_at = "final", "reviewer@h.example", now()
    campaign = session.scalars(select(Campaign)).one()
    campaign.state, campaign.closes_on = "open", date(2099, 1, 1)
    check = AssignmentCheck(period_id=campaign.period_id, asked_on=date(2026, 1, 1), until_on=date(2099, 1, 1), by="x")
    session.add(check)
    session.flush()
    owned = tuple(
        _owned(session, reps[code], interviewer, check)
        for code, interviewer in (("R01", "ann@h.example"), ("R02", "bob@h.example"))
    )
    session.commit()
    return owned  # type: ignore[return-value]  # two of them


def _owned(session: Session, rep: Rep, interviewer: str, check: AssignmentCheck) -> Owned:
    period = session.scalars(select(Period)).one()
    put_events(session, rep.code, (("complaint", 1),))
    event = session.scalars(select(ConductEvent).where(ConductEvent.rep_id == rep.id)).one()
    subject = session.scalars(select(Subject).where(Subject.rep_id == rep.id).order_by(Subject.id)).first()
    assert subject
    task = FollowUp(subject_id=subject.id, agreed_at=now())
    goal = Goal(
        period_id=period.id, rep_id=rep.id, text="more", target=1, unit="", due_on=date(2099, 1, 1), proposed_by="x"
    )
    diagnosis = LossDiagnosis(
        period_id=period.id, rep_id=rep.id, losses=[event.id], causes=[], exempted=0, opened_at=now(), opened_by="x"
    )
    invitation = session.get(Invitation, subject.invitation_id)
    assert invitation
    contact = Contact(customer_id=invitation.customer_id, name="王芳", phone="+862155550101", language="zh")
    session.add(contact)
    session.flush()
    invitation.disposition, invitation.contact_id = "sent", contact.id
    call = Interview(
        invitation_id=subject.invitation_id, interviewer=interviewer, state="waiting", due_at=now() - timedelta(days=1),
        handed_out_at=now(),
    )  # fmt: skip
    plan = PlanItem(
        period_id=period.id, rep_id=rep.id, item="delivery", measure="m", support="s", starts_on=date(2026, 1, 1),
        due_on=date(2099, 1, 1), metric="m", need=3, quick=3, payoff=3, reviews=[], support_by="b", written_at=now(),
        written_by="x",
    )  # fmt: skip
    said = {"rep_id": rep.id, "written_at": now(), "written_by": "x"}
    note = MonitoringNote(on=date(2026, 1, 2), source="report", text="t", **said)
    owed = Provision(kind="resource", what="w", due_on=date(2026, 1, 2), **said)
    session.add_all([task, goal, diagnosis, call, plan, note, owed])
    session.flush()
    paper = session.scalars(select(Appraisal).where(Appraisal.rep_id == rep.id)).one()
    return Owned(
        code=rep.code, rep=rep.code, appraisal_id=paper.id, event_id=event.id, goal_id=goal.id,
        diagnosis_id=diagnosis.id, item_id=plan.id, note_id=note.id, provision_id=owed.id,
        task_id=task.id, interview_id=call.id, check=check.id,
    )  # fmt: skip


def _routes(app: Flask, role: str) -> Iterator[tuple[str, Rule]]:
    """What a role may open of what somebody owns."""
    for rule in app.url_map.iter_rules():
        permission = access.permission_of(app, rule.endpoint)
        if not rule.arguments or rule.endpoint in OF_EVERYBODY or role not in access.GRANTS.get(permission, ()):
            continue
        for method in sorted((rule.methods or set()) - {"HEAD", "OPTIONS"}):
            yield method, rule


def _address(app: Flask, rule: Rule, owned: Owned) -> str:
    with app.test_request_context():
        return app.url_for(rule.endpoint, **{name: getattr(owned, name) for name in rule.arguments}) or ""


def _from_our_page(client: FlaskClient) -> dict[str, str]:
    return {"X-CSRFToken": Page(client.get("/account").text).token}


@pytest.mark.parametrize("role", OWNERS)
def test_ones_own_opens_and_anothers_is_nobodys(
    app: Flask, own_and_anothers: tuple[Owned, Owned], person: Callable[..., str], sign_in: Callable[..., FlaskClient],
    role: str,
) -> None:  # fmt: skip
    own, anothers = own_and_anothers
    client = sign_in(person(role, OWNERS[role]))
    headers = _from_our_page(client)
    seen = 0
    for method, rule in _routes(app, role):
        theirs = client.open(_address(app, rule, anothers), method=method, headers=headers)
        if rule.arguments == {"check"}:
            continue  # a check is the period's; whose assignment is objected to stands in the form
        assert theirs.status_code == 404, f"{role}: {method} {rule.rule}"
        mine = client.open(_address(app, rule, own), method=method, headers=headers)
        assert mine.status_code != 404, f"{role}: {method} {rule.rule}"
        assert mine.status_code < 500, f"{role}: {method} {rule.rule}"
        if method == "GET":
            nobodys = client.get(theirs.request.path.replace(str(own.code), "R99"))
            assert theirs.get_data() == nobodys.get_data(), rule.rule
        seen += 1
    assert seen >= {"manager": 8, "rep": 5, "interviewer": 2}[role], "routes have vanished from this test"


def test_whoever_holds_no_permission_gets_404_for_everybodys(
    app: Flask, own_and_anothers: tuple[Owned, Owned], person: Callable[..., str], sign_in: Callable[..., FlaskClient]
) -> None:
    own, _anothers = own_and_anothers
    for role in ("administrator", "auditor"):
        client = sign_in(person(role))
        headers = _from_our_page(client)
        for owner in OWNERS:
            for method, rule in _routes(app, owner):
                permission = access.permission_of(app, rule.endpoint)
                if role not in access.GRANTS[permission]:
                    answer = client.open(_address(app, rule, own), method=method, headers=headers)
                    assert answer.status_code == 404, f"{role}: {method} {rule.rule}"


ASKED_OTHERWISE: tuple[dict[str, object], ...] = (
    {}, {"rep": "R02"}, {"rep": ["R01", "R02"]}, {"code": "R02"}, {"search": "李"}, {"q": "R0"}, {"page": 2},
    {"manager": "other@h.example"}, {"territory": "T1", "sort": "-adjusted"},
    {"position": "sales rep", "item": "overall"},
)  # fmt: skip
"""What an address may ask for beside its path: filters, searches, orders, pages, and somebody else's rep outright."""


@pytest.mark.parametrize("engine_name", ["sqlite"])
@pytest.mark.parametrize("role", ["manager", "rep", "interviewer", "auditor"])
def test_no_page_and_no_file_names_anothers_rep_however_it_is_asked(
    app: Flask, own_and_anothers: tuple[Owned, Owned], person: Callable[..., str], sign_in: Callable[..., FlaskClient],
    role: str,
) -> None:  # fmt: skip
    client = sign_in(person(role, OWNERS.get(role, "auditor@h.example")))
    seen = 0
    for address in _listings(app, role):
        for asked in ASKED_OTHERWISE:
            answer = client.get(address, query_string=asked)
            assert answer.status_code in {200, 302, 400, 404}, f"{role}: {address} {asked}"
            if answer.mimetype in {"text/html", "text/csv"}:
                text = answer.get_data(as_text=True)
                named = [name for name in ("李思远", "海川商行01") if name in text]
                assert not named, f"{role}: {address} {asked} names {named}"
                seen += 1
    assert seen >= 10


def _listings(app: Flask, role: str) -> Iterator[str]:
    """The addresses a role may open that name nothing of anybody's, and every table of the team."""
    for rule in app.url_map.iter_rules():
        if "GET" not in (rule.methods or ()) or role not in access.GRANTS.get(
            access.permission_of(app, rule.endpoint), ()
        ):
            continue
        if rule.endpoint == "team.file":
            views = ("reps", "funnel", "territories", "answers", "rates", "trend", "adjustment")
            yield from (f"/team/{view}.csv" for view in views)
        elif not rule.arguments:
            yield rule.rule
