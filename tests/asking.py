"""An open campaign at a small company: the ground that tests of asking and answering stand on."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from flask.testing import FlaskClient
from sqlalchemy import insert, select
from sqlalchemy.orm import Session

from survey import campaigns, invitations
from survey.config import Settings
from survey.invitations import links
from survey.models.asking import Campaign, Invitation, Subject
from survey.models.company import Company, Period
from survey.models.roster import Assignment, Contact, Customer, Rep, Territory

BY = "command line"
CORE = {"knowledge": "5", "delivery": "4", "responsiveness": "3"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """What `ask` made. `links`: contact's name → path of their private link.

    王芳 (Chinese, customer C1) is asked about 李伟; Bob Brown (English, customer C2) about 李伟 and Maria Schmidt.
    C3 was served too, and has no mail address; C4 was served only before the period.
    """

    campaign: Campaign
    links: dict[str, str]

    @property
    def zh(self) -> str:
        return self.links["王芳"]

    @property
    def en(self) -> str:
        return self.links["Bob Brown"]


def found(session: Session, *, zone: str = "Asia/Shanghai") -> None:
    """The company, its people, and who served whom in the first half of 2026."""
    reps = {code: Rep(code=code, name=name) for code, name in (("R1", "李伟"), ("R2", "Maria Schmidt"))}
    territories = {code: Territory(code=code, name=code) for code in ("EAST", "WEST")}
    customers = {
        "C1": Customer(
            code="C1", name="海川商行", segment="key account", size_band="large", industry="retail", channel="direct",
            product_line="pumps", customer_since=date(2020, 1, 1),
        ),
        "C2": Customer(code="C2", name="Zeta Ltd", segment="standard", customer_since=date(2026, 3, 1)),
        "C3": Customer(code="C3", name="Silent Ltd"),
        "C4": Customer(code="C4", name="Gone Ltd"),
    }  # fmt: skip
    session.add(
        Company(name="Harbour Tools", name_zh="港湾工具", time_zone=zone, privacy_contact="privacy@harbour.example")
    )
    session.add_all([Period(code="2026-H1", from_on=date(2026, 1, 1), to_on=date(2026, 6, 30))])
    session.add_all([*reps.values(), *territories.values(), *customers.values()])
    session.flush()
    session.add_all(
        Contact(customer_id=customers[code].id, name=name, email=email, language=language, role=role)
        for code, name, email, language, role in (
            ("C1", "王芳", "wang@c1.example", "zh", "purchasing"),
            ("C2", "Bob Brown", "bob@c2.example", "en", "technical"),
            ("C3", "无邮箱", None, "zh", None),
            ("C4", "Gone", "gone@c4.example", "en", None),
        )
    )
    session.add_all(
        Assignment(
            customer_id=customers[customer].id, rep_id=reps[rep].id, territory_id=territories[territory].id,
            served_from=served_from, served_to=served_to,
        )
        for customer, rep, territory, served_from, served_to in (
            ("C1", "R1", "EAST", date(2025, 1, 1), None),
            ("C2", "R1", "WEST", date(2025, 1, 1), date(2026, 2, 28)),
            ("C2", "R1", "EAST", date(2026, 3, 1), None),
            ("C2", "R2", "WEST", date(2026, 3, 1), None),
            ("C3", "R2", "WEST", date(2026, 6, 30), None),
            ("C4", "R2", "WEST", date(2025, 1, 1), date(2025, 12, 31)),
        )
    )  # fmt: skip
    session.flush()


def plan(session: Session, code: str = "S1", *, at: datetime, days: int = 14) -> Campaign:
    """A campaign about the period, open from today for some days."""
    campaign = campaigns.create(
        session, code, period="2026-H1", questionnaire="core", opens_on=at.date(),
        closes_on=at.date() + timedelta(days=days), by=BY, at=at,
    )  # fmt: skip
    campaigns.open_up(session, campaign, by=BY, at=at)
    return campaign


def ask(session: Session, settings: Settings, *, at: datetime) -> Asked:
    """Found the company, open a campaign and invite; every contact's link is at hand."""
    found(session)
    campaign = plan(session, at=at)
    invitations.invite(session, campaign, by=BY, at=at)
    printed = links.printed(session, campaign.id, campaign.code, keys=settings.token_keys, by=BY, at=at)
    session.commit()
    return Asked(
        campaign=campaign,
        links={invitation.contact.name: f"/s/{token}" for invitation, token in printed if invitation.contact},
    )


def hidden(page: str) -> dict[str, str]:
    """What the form carries without showing it: its nonce and its language."""
    return dict(re.findall(r'<input type="hidden" name="(nonce|language)" value="([^"]*)">', page))


def sheet(client: FlaskClient, link: str, replies: dict[str, str] | None = None, about: int = 1) -> dict[str, str]:
    """The form of a freshly opened page, filled in about one rep, ready to be posted."""
    given = CORE if replies is None else replies
    return {**hidden(client.get(link).text), **{f"{item}-{about}": value for item, value in given.items()}}


def crowd(session: Session, number: int) -> None:
    """So many more customers, each with one contact (m0@m.example …), served by the first rep through the period."""
    rep, territory = session.scalars(select(Rep.id)).first(), session.scalars(select(Territory.id)).first()
    session.execute(insert(Customer), [{"code": f"M{n}", "name": "Many"} for n in range(number)])
    ids = dict(session.execute(select(Customer.code, Customer.id)).all())
    session.execute(
        insert(Contact),
        [
            {"customer_id": ids[f"M{n}"], "name": f"M{n}", "email": f"m{n}@m.example", "language": ("en", "zh")[n % 2]}
            for n in range(number)
        ],
    )
    served = {"rep_id": rep, "territory_id": territory, "served_from": date(2026, 1, 1)}
    session.execute(insert(Assignment), [{"customer_id": ids[f"M{n}"], **served} for n in range(number)])


def ask_many(session: Session, settings: Settings, number: int, *, at: datetime) -> list[tuple[str, int]]:
    """That many customers, each with one contact asked about one rep in an open campaign: path of the link, and the
    invitation's id."""
    found(session)
    campaign = plan(session, at=at)
    rep, territory = session.scalars(select(Rep)).first(), session.scalars(select(Territory)).first()
    assert rep is not None
    assert territory is not None
    customers = [Customer(code=f"M{place:05}", name=f"Many {place:05}") for place in range(number)]
    session.add_all(customers)
    session.flush()
    contacts = [
        Contact(customer_id=customer.id, name=customer.name, email=f"{customer.code}@m.example", language="en")
        for customer in customers
    ]
    session.add_all(contacts)
    session.flush()
    asked = [
        Invitation(
            campaign_id=campaign.id, customer_id=contact.customer_id, contact_id=contact.id, mode="web",
            disposition="sent", created_at=at,
        )
        for contact in contacts
    ]  # fmt: skip
    session.add_all(asked)
    session.flush()
    session.add_all(
        Subject(invitation_id=row.id, rep_id=rep.id, territory_id=territory.id, adjusters={}) for row in asked
    )
    made = [(f"/s/{links.mint(session, row.id, keys=settings.token_keys, at=at)}", row.id) for row in asked]
    session.commit()
    return made
