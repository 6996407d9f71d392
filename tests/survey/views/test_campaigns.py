"""The pages of campaigns, as administrators, reviewers and managers use them."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta

import pytest
from flask.testing import FlaskClient
from sqlalchemy import select
from sqlalchemy.orm import Session

from survey import campaigns, invitations
from survey.models.answering import Interview, Response
from survey.models.asking import Campaign, Exclusion, Invitation, Subject
from survey.models.company import Period
from survey.models.roster import AssignmentCheck, Contact, Customer, Rep, ReportingLine
from survey.models.sending import OutboxMessage
from tests.asking import BY, found

BOSS = "boss@harbour.example"


def _today() -> date:
    return datetime.now(UTC).date()


@pytest.fixture
def company(session: Session) -> None:
    """R1 reports to the boss."""
    found(session)
    rep = session.scalars(select(Rep).where(Rep.code == "R1")).one()
    session.add(ReportingLine(rep_id=rep.id, manager_email=BOSS, since_on=date(2025, 1, 1)))
    session.commit()


@pytest.fixture
def admin(company: None, person: Callable[..., str], sign_in: Callable[[str], FlaskClient]) -> FlaskClient:
    return sign_in(person("administrator"))


@pytest.fixture
def running(session: Session, company: None, now: datetime) -> Campaign:
    """An open campaign in which 38 more customers of R1 were asked; 25 of them answered days ago."""
    at = datetime.now(UTC) - timedelta(days=3)
    campaign = campaigns.create(
        session, "S1", period="2026-H1", questionnaire="core", opens_on=at.date(),
        closes_on=at.date() + timedelta(days=30), by=BY, at=at,
    )  # fmt: skip
    campaigns.open_up(session, campaign, by=BY, at=at)
    invitations.invite(session, campaign, by=BY, at=at)
    rep_id = session.scalars(select(Rep.id).where(Rep.code == "R1")).one()
    territory_id = session.scalars(select(Subject.territory_id)).first()
    for number in range(38):
        customer = Customer(code=f"X{number:02}", name=f"客户{number:02}")
        session.add(customer)
        session.flush()
        invitation = Invitation(
            campaign_id=campaign.id, customer_id=customer.id, mode="web", created_at=at,
            disposition="completed" if number < 25 else "sent",
        )  # fmt: skip
        session.add(invitation)
        session.flush()
        subject = Subject(invitation_id=invitation.id, rep_id=rep_id, territory_id=territory_id, adjusters={})
        session.add(subject)
        session.flush()
        if number < 25:
            session.add(Response(subject_id=subject.id, first_answered_at=at, version_no=1))
    session.commit()
    return campaign


def _send(client: FlaskClient, address: str, look: Callable[..., object], **fields: object):
    """Post a form with the token its page carries."""
    token = look(client.get("/campaigns?lang=en")).token
    return client.post(f"{address}?lang=en", data={"csrf_token": token, **fields})


def _plan(client: FlaskClient, look: Callable[..., object], **fields: object):
    usual = {
        "code": "july", "period": "2026-H1", "questionnaire": "core", "opens_on": f"{_today()}",
        "closes_on": f"{_today() + timedelta(days=20)}", "sample": "all", "reliability": "0.8", "rest_days": "30",
    }  # fmt: skip
    return _send(client, "/campaigns/new", look, **{**usual, **fields})


# -- planning and sending ---------------------------------------------------------------------------------------


def test_from_plan_to_sent_and_closed(admin: FlaskClient, session: Session, look: Callable[..., object]) -> None:
    planned = _plan(admin, look)
    assert planned.location == "/campaigns/july/plan"
    page = look(admin.get("/campaigns/july/plan?lang=en")).text
    assert "Who would be asked july Customers 2 People 2 Nobody can be reached 1" in page
    assert "李伟" in page
    assert "withheld" in page
    _send(admin, "/campaigns/july/open", look)
    assert "Let them first, or say in a line why" in admin.get("/campaigns/july/plan?lang=en").text
    assert session.scalars(select(Campaign.state)).one() == "draft", "to go without the reps' check is stated"
    _send(admin, "/campaigns/july/open", look, unchecked="two of us, and we know our customers")
    session.expire_all()
    assert session.scalars(select(Campaign.state)).one() == "open"
    assert not session.scalars(select(Invitation)).all(), "opening asks nobody"
    told = _send(admin, "/campaigns/july/send", look)
    assert told.location == "/campaigns/july"
    assert "2 people are being asked" in admin.get("/campaigns/july?lang=en").text
    assert session.scalars(select(OutboxMessage.state)).all() == ["queued", "queued"]
    _send(admin, "/campaigns/july/close", look)
    session.expire_all()
    assert set(session.scalars(select(Invitation.disposition))) == {"expired"}
    assert "The campaign is closed" in admin.get("/campaigns/july?lang=en").text


def test_the_reps_look_first_and_the_plan_says_who_has(
    admin: FlaskClient, session: Session, look: Callable[..., object], person: Callable[..., str],
    sign_in: Callable[[str], FlaskClient],
) -> None:  # fmt: skip
    rep = session.scalars(select(Rep).where(Rep.code == "R1")).one()
    rep.email = "li@harbour.example"
    session.commit()
    li = sign_in(person("rep", "li@harbour.example"))
    _plan(admin, look)
    asked = _send(admin, "/objections/ask", look, period="2026-H1", campaign="july")
    assert asked.location == "/campaigns/july/plan"
    page = look(admin.get("/campaigns/july/plan?lang=en")).text
    assert "0 of 2 reps have had their say" in page
    assert "Maria Schmidt (has no account)" in page
    assert "Open the campaign" not in page
    _send(admin, "/campaigns/july/open", look, unchecked="in a hurry")
    assert "are checking their assignments" in admin.get("/campaigns/july?lang=en").text
    mine = look(li.get("/my-customers?lang=en"))
    check = session.scalars(select(AssignmentCheck.id)).one()
    said = li.post(f"/my-customers/{check}/right", data={"csrf_token": mine.token})
    assert said.status_code == 303
    assert "You found everything right" in li.get("/my-customers?lang=en").text
    assert li.post("/my-customers/77/right", data={"csrf_token": mine.token}).status_code == 404
    session.scalars(select(Rep).where(Rep.code == "R2")).one().left_on = date(2026, 6, 30)
    session.commit()
    page = look(admin.get("/campaigns/july/plan?lang=en")).text
    assert "1 of 1 reps have had their say" in page
    _send(admin, "/campaigns/july/open", look)
    session.expire_all()
    assert session.scalars(select(Campaign.state)).one() == "open"


def test_a_sample_and_a_new_period_can_be_planned(
    admin: FlaskClient, session: Session, look: Callable[..., object]
) -> None:
    planned = _plan(
        admin, look, period="", period_code="2026-Q2", period_from="2026-04-01", period_to="2026-06-30",
        sample="planned", reliability="0.7", rest_days="0",
    )  # fmt: skip
    assert planned.status_code == 303
    assert session.scalars(select(Period.code).where(Period.to_on == date(2026, 6, 30))).all() == ["2026-H1", "2026-Q2"]
    campaign = session.scalars(select(Campaign)).one()
    assert campaign.sample_plan is not None
    assert (campaign.sample_plan.reliability, campaign.rest_days) == (0.7, 0)
    assert campaign.sample_plan.seed in admin.get("/campaigns/july/plan?lang=en").text


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({"code": ""}, "Give the campaign a short name"),
        ({"code": "a/b"}, "cannot name a campaign"),
        ({"code": "x" * 41}, "cannot name a campaign"),
        ({"period": "1999"}, "no period 1999"),
        ({"period": ""}, "Choose a period, or give a new one"),
        ({"questionnaire": "nothing"}, "Something needs your attention"),
        ({"closes_on": "2020-01-01"}, "before it opens"),
        ({"opens_on": "soon"}, "Something needs your attention"),
        ({"sample": "some"}, "Something needs your attention"),
        ({"sample": "planned", "reliability": "8"}, "between 0 and 1"),
        ({"rest_days": "-1"}, "From 0 to 365"),
    ],
)
def test_a_plan_that_cannot_be_says_why_and_stores_nothing(
    admin: FlaskClient, session: Session, look: Callable[..., object], fields: dict[str, str], said: str
) -> None:
    refused = _plan(admin, look, **fields)
    assert refused.status_code == 400
    assert said in look(refused).text
    assert not session.scalars(select(Campaign)).all()


def test_nothing_happens_without_the_forms_token(admin: FlaskClient, session: Session, running: Campaign) -> None:
    assert admin.post("/campaigns/S1/close").status_code == 400
    session.expire_all()
    assert running.state == "open"


def test_sending_before_opening_is_refused_in_a_sentence(admin: FlaskClient, look: Callable[..., object]) -> None:
    _plan(admin, look)
    _send(admin, "/campaigns/july/send", look)
    assert "is not open" in admin.get("/campaigns/july?lang=en").text


# -- calling ----------------------------------------------------------------------------------------------------

ANN, BEN = "ann@harbour.example", "ben@harbour.example"


@pytest.fixture
def callable_people(session: Session, running: Campaign, person: Callable[..., str]) -> None:
    """Two interviewers, and a telephone number of two people who have not answered."""
    for email in (ANN, BEN):
        person("interviewer", email)
    for contact in session.scalars(select(Contact).where(Contact.name.in_(("王芳", "无邮箱")))):
        contact.phone = "+86 21 5555 0101"
    session.commit()


def test_calls_are_handed_out_to_the_interviewers_chosen(
    admin: FlaskClient, session: Session, callable_people: None, look: Callable[..., object]
) -> None:
    page = look(admin.get("/campaigns/S1?lang=en"))
    assert {ANN, BEN} <= set(page.values)
    told = _send(admin, "/campaigns/S1/calls", look, to=[BEN])
    assert told.location == "/campaigns/S1"
    assert "2 people to call were handed out" in admin.get("/campaigns/S1?lang=en").text
    assert session.scalars(select(Interview.interviewer)).all() == [BEN, BEN]


@pytest.mark.parametrize(
    ("to", "said"),
    [([], "Choose at least one interviewer"), (["boss@harbour.example"], "boss@harbour.example is no interviewer")],
)
def test_nobody_chosen_is_handed_nothing(
    admin: FlaskClient, session: Session, callable_people: None, look: Callable[..., object], to: list[str], said: str
) -> None:
    _send(admin, "/campaigns/S1/calls", look, to=to)
    assert said in look(admin.get("/campaigns/S1?lang=en")).text
    assert not session.scalars(select(Interview)).all()


def test_without_an_interviewer_the_page_says_how_to_get_one(admin: FlaskClient, running: Campaign) -> None:
    assert "users create --role interviewer" in admin.get("/campaigns/S1?lang=en").text


# -- watching ---------------------------------------------------------------------------------------------------


def test_the_live_page_shows_dispositions_rates_and_the_queue(admin: FlaskClient, running: Campaign) -> None:
    answer = admin.get("/campaigns/S1?lang=en")
    assert "connect-src 'self'" in answer.headers["Content-Security-Policy"], "it may ask for itself again"
    assert "connect-src" not in admin.get("/campaigns").headers["Content-Security-Policy"], "and nothing else may"
    page = answer.text
    text = " ".join(re.sub(r"<[^>]+>", " ", page).split())
    assert "People asked 40 People who answered 25 Customers answered / asked 25 / 40" in text
    assert "Response rate RR1 62 % Response rate RR2 62 % Contact rate CON1 62 % Refusal rate REF1 0 %" in text
    assert "waiting to be sent 2 sent 13 answered 25" in text
    assert "李伟 25 / 40 25 / 40 62 % 62 % 62 % 0 %" in text
    assert "EAST 25 / 40" in text
    assert "waiting 2" in text


def test_the_funnel_draws_every_rep_and_names_the_abnormal_one(
    admin: FlaskClient, session: Session, running: Campaign
) -> None:
    """Zeta's colleague: 40 asked about Maria, nobody answered, against 25 of 40."""
    maria = session.scalars(select(Rep.id).where(Rep.code == "R2")).one()
    for invitation in session.scalars(select(Invitation).where(Invitation.contact_id.is_(None))).all():
        other = Invitation(
            campaign_id=running.id, customer_id=invitation.customer_id, mode="web", disposition="sent",
            created_at=invitation.created_at,
        )  # fmt: skip
        session.add(other)
        session.flush()
        session.add(
            Subject(
                invitation_id=other.id, rep_id=maria, territory_id=invitation.subjects[0].territory_id, adjusters={}
            )
        )
    session.commit()
    page = admin.get("/campaigns/S1?lang=en").text
    picture = re.search(r"<svg width=\"100%\".*?</figure>", page, re.S)
    assert picture
    assert picture[0].count("<polyline") == 4
    assert picture[0].count("<path") == 2, "both lie beyond: one far above the mean, one far below"
    assert 'tabindex="0" role="img" aria-label="李伟: 62\xa0% of 40 people"' in picture[0], "by keyboard, too"
    assert "Chance does not explain the rate of: 李伟, Maria Schmidt" in page


def test_a_manager_sees_own_reps_in_batches_and_nothing_else(
    running: Campaign, person: Callable[..., str], sign_in: Callable[[str], FlaskClient], look: Callable[..., object]
) -> None:
    client = sign_in(person("manager", BOSS))
    listed = look(client.get("/campaigns?lang=en"))
    assert "/campaigns/S1/reps" in listed.links
    page = look(client.get("/campaigns/S1/reps?lang=en")).text
    assert "李伟 40 at least 25 at least 62 %" in page
    assert "EAST 40 at least 25 at least 62 %" in page
    assert "Maria" not in page
    assert "客户" not in page
    for address in ("/campaigns/S1", "/campaigns/S1/plan", "/campaigns/new", "/campaigns/S1/exclusions"):
        assert client.get(address).status_code == 404


def test_a_manager_without_reps_asked_about_is_told_so(
    running: Campaign, person: Callable[..., str], sign_in: Callable[[str], FlaskClient]
) -> None:
    client = sign_in(person("manager", "other@harbour.example"))
    page = client.get("/campaigns/S1/reps?lang=en").text
    assert "Nobody was asked about a rep of yours" in page
    assert "李伟" not in page


def test_a_manager_does_not_see_what_is_only_planned(
    admin: FlaskClient, look: Callable[..., object], person: Callable[..., str], sign_in: Callable[[str], FlaskClient]
) -> None:
    _plan(admin, look)
    assert "july" not in sign_in(person("manager", BOSS)).get("/campaigns?lang=en").text


@pytest.mark.parametrize("address", ["", "/plan", "/reps", "/exclusions"])
def test_a_campaign_that_is_not_there_is_a_plain_404(admin: FlaskClient, address: str) -> None:
    for code in ("nothing", "a%00b", "%E2%80%AE"):
        assert admin.get(f"/campaigns/{code}{address}").status_code == 404


# -- leaving somebody out ---------------------------------------------------------------------------------------


def test_one_proposes_and_another_decides(
    admin: FlaskClient, session: Session, look: Callable[..., object], person: Callable[..., str],
    sign_in: Callable[[str], FlaskClient],
) -> None:  # fmt: skip
    _plan(admin, look)
    done = _send(admin, "/campaigns/july/exclusions", look, customer="C1", reason="out of business")
    assert done.status_code == 303
    page = admin.get("/campaigns/july/exclusions?lang=en").text
    assert "waits for a second person" in page
    assert "Leave out</button>" not in page
    exclusion = session.scalars(select(Exclusion)).one()
    decide = f"/campaigns/july/exclusions/{exclusion.id}"
    _send(admin, decide, look, decision="accept")
    session.expire_all()
    assert exclusion.decision == "open", "not by whoever proposed it"
    second = sign_in(person("reviewer"))
    assert "Leave out</button>" in second.get("/campaigns/july/exclusions?lang=en").text
    _send(second, decide, look, decision="accept")
    session.expire_all()
    assert (exclusion.decision, exclusion.decided_by) == ("accepted", "reviewer@harbour.example")
    assert "Excluded 1" in look(admin.get("/campaigns/july/plan?lang=en")).text


def test_a_proposal_needs_a_reason_and_a_customer(
    admin: FlaskClient, session: Session, look: Callable[..., object]
) -> None:
    _plan(admin, look)
    for fields, said in (
        ({"customer": "C1", "reason": ""}, "Say why"),
        ({"customer": "", "reason": "x"}, "Give the customer"),
        ({"customer": "C9", "reason": "x"}, "no customer with the code"),
        ({"customer": "C1", "reason": "x" * 2000}, "Something needs your attention"),
    ):
        refused = _send(admin, "/campaigns/july/exclusions", look, **fields)
        assert refused.status_code == 400
        assert said in look(refused).text
    assert not session.scalars(select(Exclusion)).all()


def test_a_decision_is_one_of_two_and_about_something(admin: FlaskClient, look: Callable[..., object]) -> None:
    _plan(admin, look)
    assert _send(admin, "/campaigns/july/exclusions/1", look, decision="maybe").status_code == 400
    assert _send(admin, "/campaigns/july/exclusions/77", look, decision="accept").status_code == 404


# -- sending, pausing, correcting -------------------------------------------------------------------------------


def test_pausing_holds_the_mail_and_resuming_lets_it_go(
    admin: FlaskClient, session: Session, running: Campaign, look: Callable[..., object]
) -> None:
    _send(admin, "/campaigns/S1/pause", look)
    session.expire_all()
    assert running.paused_at is not None
    assert "Sending has been paused since" in admin.get("/campaigns/S1?lang=en").text
    _send(admin, "/campaigns/S1/resume", look)
    session.expire_all()
    assert running.paused_at is None


def test_reminding_writes_to_who_was_sent_to_and_is_silent(
    admin: FlaskClient, session: Session, running: Campaign, look: Callable[..., object]
) -> None:
    for message in session.scalars(select(OutboxMessage)):
        message.state, message.sent_at = "sent", running.opens_on and datetime.now(UTC) - timedelta(days=2)
        message.invitation.disposition = "sent"
    session.commit()
    _send(admin, "/campaigns/S1/remind", look)
    assert "2 people are being reminded" in admin.get("/campaigns/S1?lang=en").text
    assert session.scalars(select(OutboxMessage.number).order_by(OutboxMessage.number)).all() == [0, 0, 1, 1]


@pytest.fixture
def bounced(session: Session, running: Campaign) -> Invitation:
    """Bob's mail was refused."""
    message = session.scalars(
        select(OutboxMessage).join(Invitation).join(Customer, Customer.id == Invitation.customer_id)
        .where(Customer.code == "C2")
    ).one()  # fmt: skip
    message.state, message.last_error = "failed", "550 no such user"
    message.invitation.disposition = "bounced"
    message.invitation.contact.undeliverable = message.invitation.contact.email
    session.commit()
    return message.invitation


def test_an_address_is_corrected_and_the_message_goes_again(
    admin: FlaskClient, session: Session, bounced: Invitation, look: Callable[..., object]
) -> None:
    assert "/campaigns/S1/undelivered" in look(admin.get("/campaigns/S1?lang=en")).links
    page = look(admin.get("/campaigns/S1/undelivered?lang=en"))
    assert "Bob Brown C2 550 no such user" in page.text
    address = f"/campaigns/S1/undelivered/{bounced.id}"
    assert address in page.links
    assert "bob@c2.example" in look(admin.get(f"{address}?lang=en")).values
    done = _send(admin, address, look, email="Robert@c2.example", phone="")
    assert done.status_code == 303
    session.expire_all()
    assert bounced.contact is not None
    assert (bounced.contact.email, bounced.disposition) == ("robert@c2.example", "queued")
    assert "Everything sent so far was taken" in admin.get("/campaigns/S1/undelivered?lang=en").text


@pytest.mark.parametrize(
    ("email", "said"), [("no address", "not an e-mail address"), ("bob@c2.example", "no address we can write to")]
)
def test_an_address_that_leads_nowhere_is_refused(
    admin: FlaskClient, session: Session, bounced: Invitation, look: Callable[..., object], email: str, said: str
) -> None:
    refused = _send(admin, f"/campaigns/S1/undelivered/{bounced.id}", look, email=email, phone="")
    assert refused.status_code == 400
    assert said in look(refused).text
    session.expire_all()
    assert bounced.disposition == "bounced"


def test_nobody_elses_invitation_is_corrected_here(
    admin: FlaskClient, bounced: Invitation, look: Callable[..., object]
) -> None:
    _plan(admin, look)
    for address in (f"/campaigns/july/undelivered/{bounced.id}", "/campaigns/S1/undelivered/99999"):
        assert admin.get(address).status_code == 404
        assert _send(admin, address, look, email="x@x.example").status_code == 404
