"""Addresses that change after the asking: what was sent to the old one opens nothing, the new one is written to."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from email import message_from_bytes, policy
from zoneinfo import ZoneInfo

import pytest
import time_machine
from flask import Flask
from sqlalchemy import select, update
from sqlalchemy.orm import Session

from survey import channels, invitations, tables, worker
from survey.config import Settings
from survey.context import db
from survey.invitations import addresses, by_hand, delivery, links
from survey.invitations.addresses import Followed
from survey.models.asking import Campaign, Invitation
from survey.models.roster import Contact
from survey.roster import customers
from survey.sampling.frame import Reach, by_mail
from tests.asking import BY, found, plan

SHANGHAI = ZoneInfo("Asia/Shanghai")


class Post:
    """The worker's rounds; the letters lie in its outbox folder."""

    def __init__(self, app: Flask, settings: Settings) -> None:
        self.app, self.settings = app, settings

    def round(self, at: datetime) -> set[str]:
        """To whom letters go in a round at this moment."""
        known = set(self.settings.outbox.glob("*.eml"))
        with time_machine.travel(at, tick=False), self.app.app_context():
            worker.tidy()
            worker.drain()
            db.session.close()
        letters = set(self.settings.outbox.glob("*.eml")) - known
        return {
            message_from_bytes(one.read_bytes(), policy=policy.default)["To"].addresses[0].addr_spec for one in letters
        }


@pytest.fixture
def post(app: Flask, settings: Settings) -> Post:
    return Post(app, settings)


@pytest.fixture
def asked(session: Session) -> datetime:
    found(session)
    return datetime(2026, 7, 6, 10, 0, tzinfo=SHANGHAI)


def _ask(session: Session, at: datetime) -> Campaign:
    campaign = plan(session, "S1", at=at, days=20)
    invitations.invite(session, campaign, by=BY, at=at)
    session.commit()
    return campaign


CONTACTS = "customer,name,email,phone\n"


def _live(session: Session, settings: Settings, link: str, at: datetime) -> bool:
    try:
        links.redeem(session, link.removeprefix("/s/"), keys=settings.token_keys, at=at)
    except links.LinkClosed:
        return False
    return True


@pytest.fixture
def bring_contacts(session: Session) -> Callable[..., Followed]:
    """Import a file of contacts, and let links follow."""

    def bring(rows: str, at: datetime, header: str = CONTACTS, reach: Reach = by_mail) -> Followed:
        sheet = tables.parse((header + rows).encode(), name="contacts.csv")
        report = customers.take_in_contacts(session, sheet, by=BY, at=at)
        assert report.stored, report.refused
        return addresses.follow(session, report.changes, reach=reach, by=BY, at=at)

    return bring


def test_an_address_changed_by_an_import_ends_the_old_link_and_is_written_to(
    session: Session, settings: Settings, asked: datetime, post: Post, bring_contacts: Callable[..., Followed]
) -> None:
    campaign = _ask(session, asked)
    assert len(post.round(asked)) == 2
    made = links.printed(session, campaign.id, "S1", keys=settings.token_keys, by=BY, at=asked)
    held = {invitation.contact.name: token for invitation, token in made if invitation.contact}
    followed = bring_contacts("C1,王芳,fang@new.example,\nC2,Bob Brown,bob@c2.example,+44 20 7946 0000\n", asked)
    assert followed == Followed(taken_back=1, sent_again=1)
    assert not _live(session, settings, held["王芳"], asked)
    assert _live(session, settings, held["Bob Brown"], asked), "a telephone number more is no other mail address"
    session.commit()
    assert post.round(asked) == {"fang@new.example"}


def test_who_was_not_written_to_yet_is_not_written_to_twice(
    session: Session, asked: datetime, post: Post, bring_contacts: Callable[..., Followed]
) -> None:
    _ask(session, asked)
    assert bring_contacts("C1,王芳,fang@new.example,\n", asked) == Followed(taken_back=0, sent_again=0)
    session.commit()
    assert post.round(asked) == {"fang@new.example", "bob@c2.example"}


def test_a_dead_address_replaced_is_written_to_and_one_taken_away_is_told(
    session: Session, asked: datetime, post: Post, bring_contacts: Callable[..., Followed]
) -> None:
    session.execute(update(Contact).where(Contact.name == "王芳").values(email="wang.c1.example"))
    campaign = _ask(session, asked)
    assert len(post.round(asked)) == 1
    assert bring_contacts("C1,王芳,fang@new.example,\n", asked) == Followed(taken_back=1, sent_again=1)
    session.commit()
    assert post.round(asked) == {"fang@new.example"}
    assert bring_contacts("C1,王芳,,\n", asked) == Followed(taken_back=1, sent_again=0)
    assert [one.contact for one in delivery.undelivered(session, campaign)] == ["王芳"]
    session.commit()
    assert post.round(asked) == set()
    assert post.round(asked + timedelta(days=5)) == {"bob@c2.example"}, "no reminder goes to nowhere"
    assert bring_contacts("C1,王芳,again@new.example,\n", asked) == Followed(taken_back=0, sent_again=1)


def test_a_wechat_name_changed_while_its_message_is_written_takes_it_from_the_writer(
    session: Session, settings: Settings, asked: datetime, bring_contacts: Callable[..., Followed]
) -> None:
    told = {"header": "客户编号,姓名,手机,邮箱,微信号\n", "reach": channels.reach(channels.ways(settings))}
    bring_contacts("C1,王芳,13800138000,,fang\n", asked, **told)
    campaign = plan(session, "S1", at=asked, days=20)
    invitations.invite(session, campaign, reach=told["reach"], by=BY, at=asked)
    (message,) = by_hand.take(session, campaign, zone=SHANGHAI, by="ann@h.example", at=asked)
    token, name = links.mint(session, message.invitation_id, keys=settings.token_keys, at=asked), message.message_id
    followed = bring_contacts("C1,王芳,13800138001,,fang\n", asked, **told)
    assert followed == Followed(), "another telephone number is no matter"
    followed = bring_contacts("C1,王芳,13800138001,,wangfang\n", asked, **told)
    assert followed == Followed(taken_back=1, sent_again=1)
    assert not _live(session, settings, token, asked)
    with pytest.raises(by_hand.NotInHand):
        by_hand.sent(session, name, by="ann@h.example", at=asked)
    seen = by_hand.desk(session, campaign, by="ann@h.example", at=asked)
    assert (seen.waiting, seen.next and seen.next.wechat) == (1, "wangfang")


def test_who_has_answered_or_whose_campaign_is_over_is_left_alone(
    session: Session, settings: Settings, asked: datetime, post: Post, bring_contacts: Callable[..., Followed]
) -> None:
    campaign = _ask(session, asked)
    assert len(post.round(asked)) == 2
    for invitation in session.scalars(select(Invitation)):
        invitation.disposition = "completed" if invitation.customer.code == "C1" else "sent"
    rows = "C1,王芳,fang@new.example,\nC2,Bob Brown,b@new.example,\n"
    after = asked + timedelta(days=30)
    assert bring_contacts(rows, after) == Followed(taken_back=1, sent_again=0)
    session.commit()
    assert post.round(after) == set()
    assert delivery.undelivered(session, campaign) == []


def test_a_correction_is_followed_in_every_campaign_that_asked(session: Session, asked: datetime, post: Post) -> None:
    for code in ("S1", "S2"):
        campaign = plan(session, code, at=asked, days=20)
        campaign.rest_days = 0
        invitations.invite(session, campaign, by=BY, at=asked)
    session.commit()
    assert len(post.round(asked)) == 2
    contact = session.scalars(select(Contact).where(Contact.name == "王芳")).one()
    first, second = session.scalars(select(Invitation).where(Invitation.contact_id == contact.id)).all()
    changes = delivery.correct_address(session, contact, email="fang@new.example", by=BY, at=asked)
    delivery.resend(session, first, by=BY, at=asked)
    assert addresses.follow(session, changes, by=BY, at=asked).sent_again == 1
    session.commit()
    assert post.round(asked) == {"fang@new.example"}
    session.expire_all()
    assert (first.disposition, second.disposition) == ("sent", "sent")
