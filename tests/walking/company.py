"""A small company with something on every page: the demo's, and what a demo has no occasion for."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from io import BytesIO
from pathlib import Path
from unittest.mock import patch

from click.testing import CliRunner
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import select, update
from sqlalchemy.orm import Session

from survey import config, interviews, plans, schemes
from survey.app import create_app
from survey.cli import invented, main
from survey.context import db
from survey.indicators import notes, provisions, summaries
from survey.invitations import exclusions
from survey.models.answering import FollowUp, Interview, Response
from survey.models.asking import Campaign, Invitation, Subject
from survey.models.company import Period
from survey.models.facts import Goal, Sale
from survey.models.intake import Upload
from survey.models.roster import Assignment, Contact, Customer, Rep
from survey.models.sending import OutboxMessage
from survey.questionnaires.sheet import Reply
from survey.roster import checks
from tests.asking import sheet
from tests.walking import ROLES, STRANGER, Place, sign_in, walk

CUSTOMERS = 500
NO_PAGES = {
    "home.start",  # leads on to where one's work is
    "static", "security.static", "manual.picture",
    "account.choose",  # opened by a letter's link alone
    "second_factor.ask",  # stands between the password and everything else
    "first_run.form",  # gone once somebody can sign in
    "method.text", "method.download", "team.file",  # files
}  # fmt: skip
FILES = re.compile(r"\.(pdf|json|csv|xlsx|toml|zip|svg|png)$|/logo$|/template/")
ROSTER = "业务员编号,姓名,邮箱\nR901,沈玥,shen@demo.example\nR902,,not an address\n"


@dataclass(frozen=True, slots=True, kw_only=True)
class Walkable:
    """The application, who is whom (role → address), and where a walk starts besides `/`."""

    app: Flask
    logins: dict[str, str]
    starts: dict[str, tuple[str, ...]]

    def client(self, role: str) -> FlaskClient:
        client = self.app.test_client()
        if role != STRANGER:
            sign_in(self.app, client, self.logins[role])
        return client

    def places(self, *, language: str = "zh") -> Iterator[tuple[Place, str]]:
        """Every page everybody reaches, in this language."""
        for role in (*ROLES, STRANGER):
            client = self.client(role)
            client.set_cookie("language", language)
            yield from walk(self.app, client, role, self.starts.get(role, ()) + (() if role == STRANGER else ("/",)))


def unseen(app: Flask, places: Iterable[Place]) -> set[str]:
    """The pages of the application that no link led to."""
    views = {
        rule.endpoint
        for rule in app.url_map.iter_rules()
        if "GET" in (rule.methods or ()) and rule.endpoint not in NO_PAGES and not FILES.search(rule.rule)
    }
    return views - {place.endpoint for place in places}


def build(directory: Path, *, customers: int = CUSTOMERS, port: int = 8000) -> Walkable:
    """Invent the company in `directory` and put something on the pages that would be empty."""
    with patch.object(invented, "CUSTOMERS", customers):
        done = CliRunner().invoke(main, ["demo", "--dir", str(directory), "--port", str(port), "--no-serve", "--json"])
    assert done.exit_code == 0, done.output
    told = json.loads(done.stdout)
    app = create_app(config.demo_settings(directory, base_url="http://localhost"))
    links = tuple("/s/" + link.rsplit("/", 1)[1] for link in told["survey_links"])
    logins = {login["role"]: login["email"] for login in told["logins"]}
    with app.app_context():
        campaign = _furnish(db.session, logins)
        db.session.commit()
    company = Walkable(app=app, logins=logins, starts={})
    _answer(company.client(STRANGER), links)
    upload = _upload(company)
    preview = re.search(r'href="(/preview/[^"?]+)', company.client("administrator").get("/questionnaires/core").text)
    assert preview is not None
    two = re.findall(r'type="checkbox" name="rep" value="([^"]+)"', company.client("manager").get("/team").text)[:2]
    company.starts.update(
        {
            STRANGER: ("/login", "/privacy", *links, f"{links[0]}/thanks", f"{links[1]}/draft"),
            "interviewer": (_call(app),),
            "manager": (f"/team/pair?rep={two[0]}&rep={two[1]}",),  # what ticking two of them leads to
            "administrator": (
                f"/campaigns/{campaign}/undelivered",
                f"/roster/import/{upload}",
                "/verify",
                f"{preview[1]}/stop",
            ),
        }
    )
    return company


def _call(app: Flask) -> str:
    """Where the call that made somebody unhappy goes on."""
    with app.app_context():
        done = db.session.scalars(select(Interview.id).where(Interview.state == "completed")).one()
    return f"/interviews/{done}/contact"


def _furnish(session: Session, logins: dict[str, str]) -> str:
    now = datetime.now(UTC)
    campaign = session.scalars(select(Campaign).where(Campaign.state == "open")).one()
    administrator, rep = logins["administrator"], _rep_of(session, logins["rep"])
    _customers_in_the_way(session, campaign, logins, now)
    interviews.hand_out(session, campaign, [logins["interviewer"]], by=administrator, at=now)
    _an_unhappy_call(session, logins["interviewer"], now)
    checks.ask(session, campaign.period.code, on=now.date(), by=administrator, at=now)
    [held] = checks.held(session, logins["rep"], on=now.date())
    checks.object_to(
        session, held.check.id, assignment_id=held.assignments[0].id, reason="三月起由同事负责 a colleague’s",
        on=now.date(), by=logins["rep"], at=now,
    )  # fmt: skip
    subject = session.scalars(
        select(Subject).join(Response, Response.subject_id == Subject.id).where(Subject.rep_id == rep.id)
    ).first()
    assert subject is not None
    session.add(FollowUp(subject_id=subject.id, agreed_at=now - timedelta(days=60)))
    _told(session, rep, campaign.period, logins, now)
    return campaign.code


def _an_unhappy_call(session: Session, interviewer: str, now: datetime) -> None:
    """The first of this interviewer's calls has just ended, and leads to one question more."""
    call = session.scalars(select(Interview).where(Interview.interviewer == interviewer).order_by(Interview.id)).first()
    assert call is not None
    said = {call.invitation.subjects[0].id: {"knowledge": Reply(state="answered", value=1)}}
    interviews.complete(session, call, said, nonce="by phone", language="zh", by=interviewer, at=now)


def _told(session: Session, rep: Rep, present: Period, logins: dict[str, str], now: datetime) -> None:
    """What a rep and their manager tell one another: a plan, the one before it, notes, a reply, what is owed."""
    by, own = logins["manager"], select(Rep.id).where(Rep.id == rep.id)
    said = {"by": by, "at": now, "on": now.date()}
    past = session.scalars(select(Period).where(Period.to_on < present.from_on).order_by(Period.to_on.desc())).first()
    assert past is not None
    for period in (past, present):
        starts, due = period.from_on + timedelta(days=10), period.from_on + timedelta(days=80)
        row = plans.PlanRow(
            rep=rep.code, item="回款", measure="每周对账", support="每周发对账单", support_by="财务部",
            support_due_on=starts.isoformat(), starts_on=starts.isoformat(), due_on=due.isoformat(),
            reviews=(starts + timedelta(days=30)).isoformat(), metric="逾期款下降一半", reward="外出培训一次", need="5",
            quick="5", payoff="4",
        )  # type: ignore[arg-type]  # fmt: skip
        item = plans.write(session, period, rep, row, by=by, at=now)
        if period is past:
            plans.answer(session, item.id, own, 4, **said)
            came = plans.FollowedRow(rep=rep.code, outcome="partly", outcome_note="逾期款降三成")
            plans.follow(session, item.id, own, came, reason="", **said)
    written = {"rep": rep.code, "on": now.date().isoformat()}
    note = notes.write(
        session, rep, notes.NoteRow(**written, source="feedback", text="态度要改进"), **said  # type: ignore[arg-type]
    )  # fmt: skip
    notes.reply(session, note.id, own, "请说明是哪一次", by=logins["rep"], at=now)
    seen = notes.Accompanied(rep=rep.code, customer="海川商行", well="先问需求", agreed="下周交报价")
    notes.write(
        session, rep, notes.NoteRow(**written, source="observation", text="随访"), seen, **said  # type: ignore[arg-type]
    )  # fmt: skip
    for cells in ({"kind": "resource", "what": "市场报告", "due_on": "2026-03-01"},
                  {"kind": "training", "what": "产品知识", "hours": "12", "done_on": written["on"]}):  # fmt: skip
        owed = provisions.ProvisionRow(rep=rep.code, **cells)  # type: ignore[arg-type]
        provisions.write(session, rep, owed, **said)
    served = session.scalars(select(Assignment.customer_id).where(Assignment.rep_id == rep.id).limit(3)).all()
    session.add_all(
        Sale(
            number=f"SO-{place}", customer_id=customer, on=now.date() - timedelta(days=50 * place), amount=9000 / place
        )
        for place, customer in enumerate((*served, *served), start=1)
    )
    goal = Goal(
        period_id=present.id, rep_id=rep.id, text="签约客户", target=20, unit="家", due_on=present.to_on, done=9
    )
    goal.accepted_on, goal.accepted_by = now.date(), logins["rep"]
    session.add(goal)
    summary = summaries.SummaryRow(rep=rep.code, reached="签约九家", hard="断货三周", better="提前备货")
    summaries.write(session, past, rep, summary, send=True, by=logins["rep"], at=now, on=now.date())
    schemes.adopt(session, schemes.shipped()["customer-relationship"], by=logins["reviewer"], at=now)


def _rep_of(session: Session, email: str) -> Rep:
    return session.scalars(select(Rep).where(Rep.email == email)).one()


def _customers_in_the_way(session: Session, campaign: Campaign, logins: dict[str, str], now: datetime) -> None:
    """One to be left out, one whose address is wrong, some with a telephone."""
    asked = session.scalars(select(Invitation).where(Invitation.campaign_id == campaign.id).limit(20)).all()
    session.execute(
        update(Contact).where(Contact.id.in_([one.contact_id for one in asked])).values(phone="+8613812345678")
    )
    lost = asked[-1]
    session.execute(
        update(OutboxMessage).where(OutboxMessage.invitation_id == lost.id).values(state="failed", last_error="550")
    )
    customer = session.get_one(Customer, asked[-2].customer_id)
    exclusions.propose(
        session, campaign, customer.code, reason="在打官司 a lawsuit", by=logins["administrator"], at=now
    )


def _answer(customer: FlaskClient, links: tuple[str, ...]) -> None:
    """One customer sends an unhappy answer, another keeps theirs for later."""
    unhappy = {"knowledge": "1", "delivery": "2", "responsiveness": "1"}
    for link, sending in ((links[0], {}), (links[1], {"save": "1"})):
        about = max(int(number) for number in re.findall(r'name="knowledge-(\d+)"', customer.get(link).text))
        answer = customer.post(link, data=sheet(customer, link, unhappy, about) | sending)
        assert answer.status_code == 303, answer.text


def _upload(company: Walkable) -> int:
    """The administrator has looked at a file and not imported it yet."""
    desk = company.client("administrator")
    token = re.search(r'name="csrf_token" value="([^"]*)"', desk.get("/roster/import").get_data(as_text=True))
    assert token is not None
    form = {"kind": "reps", "csrf_token": token[1], "file": (BytesIO(ROSTER.encode()), "roster.csv")}
    assert desk.post("/roster/import", data=form, content_type="multipart/form-data").status_code == 303
    with company.app.app_context():
        return db.session.scalars(select(Upload.id).order_by(Upload.id.desc())).first() or 0
