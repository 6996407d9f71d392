"""How a customer wishes to be written to: one click in the mail, or a choice on the page; never by reading it."""

from __future__ import annotations

from datetime import timedelta

import pytest
from flask.testing import FlaskClient
from sqlalchemy import select
from sqlalchemy.orm import Session

from survey import campaigns, invitations
from survey.config import Settings
from survey.context import now
from survey.invitations import delivery
from survey.models.asking import Campaign, Invitation
from survey.models.roster import Contact
from survey.models.sending import OutboxMessage
from tests.asking import BY, Asked, ask

ONE_CLICK = {"List-Unsubscribe": "One-Click"}


@pytest.fixture
def asked(session: Session, settings: Settings) -> Asked:
    return ask(session, settings, at=now())


def _wishes(session: Session) -> dict[str, tuple[str, bool]]:
    session.expire_all()
    found = {row.name: (row.language, row.opted_out_at is not None) for row in session.scalars(select(Contact))}
    session.rollback()
    return found


def test_one_click_in_the_mail_program_stops_the_mail(client: FlaskClient, session: Session, asked: Asked) -> None:
    done = client.post(f"{asked.zh}/stop", data=ONE_CLICK)
    assert done.status_code == 200, "mail programs follow no redirect"
    assert "不会再收到" in done.text
    assert {name for name, (_, stopped) in _wishes(session).items() if stopped} == {"王芳"}
    assert client.post(f"{asked.zh}/stop", data=ONE_CLICK).status_code == 200


@pytest.mark.parametrize("method", ["GET", "HEAD", "OPTIONS"])
def test_reading_the_page_changes_nothing(client: FlaskClient, session: Session, asked: Asked, method: str) -> None:
    before = _wishes(session)
    assert client.open(f"{asked.zh}/stop", method=method, query_string=ONE_CLICK).status_code == 200
    assert _wishes(session) == before


@pytest.mark.parametrize("form", [{}, {"wish": ""}, {"wish": "fr"}, {"List-Unsubscribe": ""}])
def test_a_form_sent_back_as_it_came_changes_nothing(
    client: FlaskClient, session: Session, asked: Asked, form: dict[str, str]
) -> None:
    before = _wishes(session)
    assert " checked" not in client.get(f"{asked.en}/stop").text
    done = client.post(f"{asked.en}/stop", data=form)
    assert done.status_code == 400
    assert "Nothing was chosen" in done.text
    assert _wishes(session) == before


def test_a_wish_on_the_page_is_kept(client: FlaskClient, session: Session, asked: Asked) -> None:
    assert "不会再收到" in client.post(f"{asked.zh}/stop", data={"wish": "stop"}).text
    assert _wishes(session)["王芳"] == ("zh", True)
    done = client.post(f"{asked.zh}/stop", data={"wish": "en"})
    assert "Your choice is kept." in done.text
    assert _wishes(session)["王芳"] == ("en", False)


@pytest.mark.parametrize("end", ["closed", "over", "revoked"])
def test_the_mail_can_be_ended_long_after_the_survey(
    client: FlaskClient, session: Session, asked: Asked, end: str
) -> None:
    campaign = session.scalars(select(Campaign)).one()
    if end == "closed":
        campaigns.close(session, campaign, by=BY, at=now())
    elif end == "over":
        campaign.opens_on = campaign.closes_on = (now() - timedelta(days=3)).date()
    else:
        for invitation in session.scalars(select(Invitation)):
            invitations.revoke(session, invitation, reason="wrong person", by=BY, at=now())
    session.commit()
    assert client.get(asked.zh).status_code == 410
    assert client.get(f"{asked.zh}/stop").status_code == 200
    assert client.post(f"{asked.zh}/stop", data=ONE_CLICK).status_code == 200
    assert _wishes(session)["王芳"] == ("zh", True)


def test_whoever_reads_at_a_wrong_address_decides_nothing(client: FlaskClient, session: Session, asked: Asked) -> None:
    contact = session.scalars(select(Contact).where(Contact.name == "王芳")).one()
    delivery.correct_address(session, contact, email="fang@c1.example", by=BY, at=now())
    session.commit()
    before = _wishes(session)
    for response in (client.get(f"{asked.zh}/stop"), client.post(f"{asked.zh}/stop", data=ONE_CLICK)):
        assert response.status_code == 410
    assert client.get(asked.zh).status_code == 410
    assert _wishes(session) == before


def test_who_stops_the_mail_stops_it_as_every_customers_contact(
    client: FlaskClient, session: Session, asked: Asked
) -> None:
    bob = session.scalars(select(Contact).where(Contact.name == "Bob Brown")).one()
    session.scalars(select(Contact).where(Contact.name == "王芳")).one().email = bob.email
    session.commit()
    client.post(f"{asked.zh}/stop", data=ONE_CLICK)
    assert {name for name, (_, stopped) in _wishes(session).items() if stopped} == {"王芳", "Bob Brown"}
    assert set(session.scalars(select(Invitation.disposition))) == {"opted out"}
    assert set(session.scalars(select(OutboxMessage.state))) == {"held"}


def test_a_link_that_leads_nowhere_is_not_found(client: FlaskClient, session: Session, asked: Asked) -> None:
    for response in (client.get("/s/nowhere/stop"), client.post("/s/nowhere/stop", data=ONE_CLICK)):
        assert response.status_code == 404
