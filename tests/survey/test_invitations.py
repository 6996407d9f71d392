"""Who is asked, about whom, as of when; and the private links they get."""

from __future__ import annotations

import re
from datetime import date, datetime, timedelta

import pytest
from pydantic import SecretStr
from sqlalchemy import event, func, select, text, update
from sqlalchemy.orm import Session

from survey import campaigns, invitations
from survey.config import Settings
from survey.database import Base
from survey.invitations import links, people, reminders
from survey.models.asking import Invitation, Subject, Token, TokenMiss
from survey.models.roster import Assignment, Contact, Customer, Rep, Territory
from survey.models.sending import OutboxMessage
from tests.asking import BY, ask, found, plan

KEYS = {"old": SecretStr("o" * 40), "new": SecretStr("n" * 40)}


def _invited(session: Session) -> dict[str, Invitation]:
    return {row.contact.name: row for row in session.scalars(select(Invitation)) if row.contact}


def _contact(invitation: Invitation) -> Contact:
    assert invitation.contact
    return invitation.contact


def test_every_customer_served_in_the_period_is_asked_once_a_contact(session: Session, now: datetime) -> None:
    found(session)
    done = invitations.invite(session, plan(session, at=now), by=BY, at=now)
    assert (done.invited, done.invited_before, done.unreachable) == (2, 0, ("C3",))
    invited = _invited(session)
    assert {name: [subject.rep.name for subject in row.subjects] for name, row in invited.items()} == {
        "王芳": ["李伟"],
        "Bob Brown": ["李伟", "Maria Schmidt"],
    }
    assert {(row.disposition, row.mode) for row in invited.values()} == {("queued", "web")}
    waiting = session.scalars(select(OutboxMessage)).all()
    assert [(message.number, message.channel) for message in waiting] == [(0, "mail"), (0, "mail")]
    assert len({message.message_id for message in waiting}) == 2


def test_no_link_exists_before_the_mail_is_written(session: Session, now: datetime) -> None:
    found(session)
    invitations.invite(session, plan(session, at=now), by=BY, at=now)
    assert session.scalar(select(func.count()).select_from(Token)) == 0


def test_all_contacts_of_a_customer_are_asked(session: Session, now: datetime) -> None:
    found(session)
    customer = session.scalars(select(Customer).where(Customer.code == "C1")).one()
    session.add(Contact(customer_id=customer.id, name="第二位", email="two@c1.example", language="zh"))
    done = invitations.invite(session, plan(session, at=now), by=BY, at=now)
    assert done.invited == 3
    assert {row.customer.code for row in _invited(session).values()} == {"C1", "C2"}


def test_inviting_again_asks_only_newcomers(session: Session, now: datetime) -> None:
    found(session)
    campaign = plan(session, at=now)
    invitations.invite(session, campaign, by=BY, at=now)
    silent = session.scalars(select(Contact).where(Contact.name == "无邮箱")).one()
    silent.email = "now@c3.example"
    done = invitations.invite(session, campaign, by=BY, at=now)
    assert (done.invited, done.invited_before, done.unreachable) == (1, 2, ())
    assert session.scalar(select(func.count()).select_from(OutboxMessage)) == 3


def test_a_draft_invites_nobody(session: Session, now: datetime) -> None:
    found(session)
    campaign = campaigns.create(
        session, "S1", period="2026-H1", questionnaire="core", opens_on=date(2026, 7, 1), closes_on=date(2026, 7, 9),
        by=BY, at=now,
    )  # fmt: skip
    with pytest.raises(invitations.CampaignNotOpen, match="evenhand campaign open S1"):
        invitations.invite(session, campaign, by=BY, at=now)


@pytest.mark.parametrize(
    ("served_from", "served_to", "asked"),
    [
        (date(2026, 6, 30), None, True),
        (date(2026, 7, 1), None, False),
        (date(2025, 1, 1), date(2026, 1, 1), True),
        (date(2025, 1, 1), date(2025, 12, 31), False),
        (date(2026, 3, 1), date(2026, 3, 1), True),
    ],
)
def test_one_day_of_service_in_the_period_is_enough(
    session: Session, now: datetime, served_from: date, served_to: date | None, asked: bool
) -> None:
    found(session)
    gone = session.scalars(select(Customer).where(Customer.code == "C4")).one()
    held = session.scalars(select(Assignment).where(Assignment.customer_id == gone.id)).one()
    held.served_from, held.served_to = served_from, served_to
    invitations.invite(session, plan(session, at=now), by=BY, at=now)
    assert ("Gone" in _invited(session)) is asked


def test_a_rep_in_two_territories_counts_where_the_days_were_more(session: Session, now: datetime) -> None:
    found(session)
    invitations.invite(session, plan(session, at=now), by=BY, at=now)
    served = (
        select(Rep.name, Territory.code)
        .select_from(Subject)
        .join(Rep, Rep.id == Subject.rep_id)
        .join(Territory, Territory.id == Subject.territory_id)
        .where(Subject.invitation_id == _invited(session)["Bob Brown"].id)
    )
    of_bob = dict(session.execute(served).all())
    assert of_bob == {"李伟": "EAST", "Maria Schmidt": "WEST"}, "West: 59 days of January and February; East: 122"


def test_adjusters_are_copied_as_of_the_asking(session: Session, now: datetime) -> None:
    found(session)
    invitations.invite(session, plan(session, at=now), by=BY, at=now)
    customer = session.scalars(select(Customer).where(Customer.code == "C1")).one()
    customer.segment, customer.customer_since = "standard", date(2026, 7, 1)
    session.flush()
    session.expire_all()
    invited = _invited(session)
    assert invited["王芳"].subjects[0].adjusters == {
        "segment": "key account", "size_band": "large", "industry": "retail", "channel": "direct",
        "product_line": "pumps", "tenure": 6.0, "language": "zh", "mode": "web", "contact_role": "purchasing",
    }  # fmt: skip
    newcomer = invited["Bob Brown"].subjects[0].adjusters
    assert newcomer["tenure"] == 0, "a customer since March was new when the period began"
    assert newcomer["size_band"] is None


def test_who_opted_out_is_not_asked_again_in_any_campaign(session: Session, settings: Settings, now: datetime) -> None:
    asked = ask(session, settings, at=now)
    bob = _invited(session)["Bob Brown"]
    people.opt_out(session, _contact(bob), at=now)
    assert bob.disposition == "opted out"
    assert set(session.scalars(select(OutboxMessage.state).where(OutboxMessage.invitation_id == bob.id))) == {"held"}
    later = now + timedelta(days=60)
    done = invitations.invite(session, plan(session, "S2", at=later), by=BY, at=later)
    assert (done.invited, done.unreachable) == (1, ("C2", "C3"))
    assert links.redeem(session, asked.en.removeprefix("/s/"), keys=settings.token_keys, at=now), (
        "they may still answer"
    )


def test_opting_out_after_answering_keeps_the_answer_counted(
    session: Session, settings: Settings, now: datetime
) -> None:
    ask(session, settings, at=now)
    bob = _invited(session)["Bob Brown"]
    bob.disposition = "completed"
    people.opt_out(session, _contact(bob), at=now)
    assert bob.disposition == "completed"
    assert bob.contact is not None
    assert bob.contact.opted_out_at == now


# -- links ------------------------------------------------------------------------------------------------------


def _invitation(session: Session, now: datetime) -> Invitation:
    found(session)
    invitations.invite(session, plan(session, at=now), by=BY, at=now)
    return _invited(session)["Bob Brown"]


def test_a_token_is_130_bits_of_crockfords_alphabet_and_never_the_same(session: Session, now: datetime) -> None:
    invitation = _invitation(session, now)
    tokens = [links.mint(session, invitation.id, keys=KEYS, at=now) for _ in range(200)]
    assert len(set(tokens)) == 200
    assert all(re.fullmatch("[0-9abcdefghjkmnpqrstvwxyz]{26}", token) for token in tokens)
    seen = set("".join(tokens))
    assert seen == set("0123456789abcdefghjkmnpqrstvwxyz"), "every letter is used"


def test_the_raw_token_is_nowhere_in_the_database(session: Session, now: datetime) -> None:
    invitation = _invitation(session, now)
    token = links.mint(session, invitation.id, keys=KEYS, at=now)
    for table in Base.metadata.sorted_tables:
        for row in session.execute(text(f'SELECT * FROM "{table.name}"')):
            assert token not in repr(row), table.name
    stored = session.scalars(select(Token)).one()
    assert (stored.key_id, len(stored.digest)) == ("new", 64)


def test_every_token_of_an_invitation_stays_valid(session: Session, now: datetime) -> None:
    invitation = _invitation(session, now)
    for _ in range(3):
        token = links.mint(session, invitation.id, keys=KEYS, at=now)
        assert links.redeem(session, token, keys=KEYS, at=now) is invitation
    first = session.scalars(select(Token).order_by(Token.id)).first()
    assert first is not None
    assert first.revoked_at is None


def test_a_link_signed_with_an_older_key_still_opens_until_the_key_is_gone(session: Session, now: datetime) -> None:
    invitation = _invitation(session, now)
    token = links.mint(session, invitation.id, keys={"old": KEYS["old"]}, at=now)
    assert links.redeem(session, token, keys=KEYS, at=now) is invitation
    with pytest.raises(links.UnknownToken):
        links.redeem(session, token, keys={"new": KEYS["new"]}, at=now)


NO_LINKS = ("", "a", "0" * 26, "0" * 25, "0" * 27, "u" * 26, "0" * 25 + "\n", "A" * 26, "é" * 26, "x" * 10_000)


def test_what_is_no_link_of_ours_is_unknown(session: Session, now: datetime) -> None:
    _invitation(session, now)
    for wrong in NO_LINKS:
        with pytest.raises(links.UnknownToken):
            links.redeem(session, wrong, keys=KEYS, at=now)


def test_a_link_closes_with_its_campaign_or_when_taken_back(session: Session, now: datetime) -> None:
    invitation = _invitation(session, now)
    token, other = (links.mint(session, invitation.id, keys=KEYS, at=now) for _ in range(2))
    with pytest.raises(links.LinkClosed, match="has closed"):
        links.redeem(session, token, keys=KEYS, at=now + timedelta(days=15))
    session.scalars(select(Token).order_by(Token.id)).all()[-2].revoked_at = now
    with pytest.raises(links.LinkClosed, match="no longer in use"):
        links.redeem(session, token, keys=KEYS, at=now)
    assert links.redeem(session, other, keys=KEYS, at=now) is invitation
    invitations.revoke(session, invitation, reason="wrong person", by=BY, at=now)
    with pytest.raises(links.LinkClosed, match="no longer in use"):
        links.redeem(session, other, keys=KEYS, at=now)
    assert "held" in session.scalars(select(OutboxMessage.state)).all(), "mail still waiting is not sent"


def test_printed_links_skip_whom_need_not_be_asked(session: Session, now: datetime) -> None:
    invitation = _invitation(session, now)
    invitation.disposition = "completed"
    printed = links.printed(session, invitation.campaign_id, "S1", keys=KEYS, by=BY, at=now)
    assert [row.contact.name for row, _ in printed if row.contact] == ["王芳"]
    invitation.disposition = "sent"
    assert len(links.printed(session, invitation.campaign_id, "S1", keys=KEYS, by=BY, at=now)) == 2
    assert len(links.printed(session, invitation.campaign_id, "S1", keys=KEYS, most=1, by=BY, at=now)) == 1


def _misses_until_stopped(session: Session, address: str, at: datetime) -> int:
    for tries in range(100):
        try:
            links.count_miss(session, address, keys=KEYS, at=at + timedelta(seconds=tries))
        except links.TooManyMisses:
            return tries
    return 100


def test_thirty_misses_in_ten_minutes_are_the_most(session: Session, now: datetime) -> None:
    assert _misses_until_stopped(session, "203.0.113.7", now) == 30
    assert _misses_until_stopped(session, "203.0.113.7", now + timedelta(minutes=5)) == 0
    assert _misses_until_stopped(session, "203.0.113.8", now) == 30, "others are counted apart"
    assert _misses_until_stopped(session, "203.0.113.7", now + timedelta(minutes=11)) == 30


def test_one_network_cannot_guess_from_all_its_addresses(session: Session, now: datetime) -> None:
    for tries in range(30):
        links.count_miss(session, f"2001:db8:1:2::{tries:x}", keys=KEYS, at=now)
    with pytest.raises(links.TooManyMisses):
        links.count_miss(session, "2001:db8:1:2:ffff::1", keys=KEYS, at=now)
    links.count_miss(session, "2001:db8:1:3::1", keys=KEYS, at=now)


def test_misses_keep_no_address_and_are_forgotten(session: Session, now: datetime) -> None:
    for minutes in (0, 1, 20):
        links.count_miss(session, "203.0.113.7", keys=KEYS, at=now + timedelta(minutes=minutes))
    kept = session.scalars(select(TokenMiss)).all()
    assert len(kept) == 1
    assert "203.0.113" not in kept[0].address_digest


def test_a_link_is_named_in_logs_by_a_few_digits_of_its_digest() -> None:
    token = "0" * 26
    name = links.name_for_logs(token, KEYS)
    assert re.fullmatch("[0-9a-f]{8}", name)
    assert name == links.name_for_logs(token, KEYS) != links.name_for_logs("1" + token[1:], KEYS)


def test_the_number_of_statements_does_not_grow_with_the_customers(session: Session, now: datetime) -> None:
    found(session)
    campaign = plan(session, at=now)
    counts = []
    for number in (20, 60):
        _more_customers(session, number)
        told: list[str] = []
        engine = session.get_bind()
        event.listen(engine, "before_cursor_execute", lambda *seen, told=told: told.append(seen[2]))
        assert invitations.invite(session, campaign, by=BY, at=now).invited >= number
        counts.append(len(told))
    assert counts[1] <= counts[0], counts


def _more_customers(session: Session, number: int) -> None:
    rep = session.scalars(select(Rep)).first()
    territory = session.scalars(select(Territory)).first()
    assert rep
    assert territory
    start = session.scalar(select(func.count()).select_from(Customer)) or 0
    customers = [Customer(code=f"M{start + n}", name="Many") for n in range(number)]
    session.add_all(customers)
    session.flush()
    for customer in customers:
        session.add(Contact(customer_id=customer.id, name=customer.code, email="m@m.example", language="en"))
        session.add(
            Assignment(customer_id=customer.id, rep_id=rep.id, territory_id=territory.id, served_from=date(2026, 1, 1))
        )
    session.flush()


def test_who_waits_hears_how_far_the_asking_and_the_reminding_are(
    session: Session, now: datetime, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(invitations, "BATCH", 20)
    found(session)
    campaign = plan(session, at=now)
    _more_customers(session, 48)
    told: list[tuple[int, int]] = []
    invitations.invite(session, campaign, tell=lambda *far: told.append(far), by=BY, at=now)
    assert told == [(20, 50), (40, 50), (50, 50)]
    assert session.scalar(select(func.count(Subject.id))) == 51  # Bob is asked about two
    session.execute(update(OutboxMessage).values(state="sent", sent_at=now))
    session.execute(update(Invitation).values(disposition="sent"))
    told.clear()
    later = now + timedelta(days=1)
    reminders.remind(session, campaign, tell=lambda *far: told.append(far), by=BY, at=later)
    assert told == [(20, 50), (40, 50), (50, 50)]
    waiting = select(func.count()).where(OutboxMessage.number == 1, OutboxMessage.state == "queued")
    assert session.scalar(waiting) == 50
