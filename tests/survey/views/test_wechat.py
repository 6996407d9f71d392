"""Writing by hand from the company's WeChat account: one person after another, the link in nobody's hands before."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import timedelta
from html import unescape

import pytest
import time_machine
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import select, update
from sqlalchemy.orm import Session

from survey import channels, health, invitations, users, worker
from survey.campaigns.progress import progress
from survey.config import Settings
from survey.context import now
from survey.invitations import delivery, reminders
from survey.models.asking import Invitation, Token
from survey.models.company import JournalEntry
from survey.models.roster import Contact
from survey.models.sending import OutboxMessage
from tests.asking import BY, found, plan

from .conftest import Page

DESK = "/campaigns/S1/wechat"
LINK = re.compile(r"http://localhost(/s/([0-9a-z]{26}))\b")
Signed = Callable[[str], FlaskClient]


@pytest.fixture
def asked(session: Session, settings: Settings) -> None:
    """无邮箱 and Bob Brown are reached by WeChat alone, 王芳 by mail as well."""
    _ask(session, settings)


def _ask(session: Session, settings: Settings) -> None:
    found(session)
    for name, wechat in (("无邮箱", "silent_ltd"), ("Bob Brown", "鲍勃"), ("王芳", "fang")):
        session.execute(update(Contact).where(Contact.name == name).values(wechat=wechat))
    session.execute(update(Contact).where(Contact.name == "Bob Brown").values(email=None))
    reach = channels.reach(channels.ways(settings))
    invitations.invite(session, plan(session, at=now()), reach=reach, by=BY, at=now())
    session.commit()


@pytest.fixture
def ann(asked: None, person: Callable[..., str], sign_in: Signed) -> FlaskClient:
    return sign_in(person("interviewer", "ann@harbour.example"))


def _post(client: FlaskClient, act: str, *, desk: str = DESK, **told: str) -> str:
    """Press a button of the desk; what comes back, through a redirect, is a page."""
    opened = client.get(desk).text
    held = re.search(r'name="message_id"[^>]* value="([0-9a-f]+)"', opened)
    data = {"csrf_token": Page(opened).token, "message_id": held[1] if held else "", **told}
    return unescape(client.post(f"{desk}/{act}", data=data, follow_redirects=True).text)


def _states(session: Session) -> dict[str, tuple[str, str]]:
    """Contact's name → the state of their message, and of their invitation."""
    session.expire_all()
    rows = session.execute(
        select(Contact.name, OutboxMessage.state, Invitation.disposition)
        .join(Invitation, Invitation.contact_id == Contact.id)
        .join(OutboxMessage, OutboxMessage.invitation_id == Invitation.id)
    ).all()
    session.rollback()
    return {name: (state, disposition) for name, state, disposition in rows}


def test_a_message_is_made_by_the_press_sent_by_a_person_and_answered(
    ann: FlaskClient, app: Flask, session: Session, caplog: pytest.LogCaptureFixture
) -> None:
    assert worker.drain().sent == 1, "who has a mail address gets mail"
    offered = ann.get(f"{DESK}?lang=en").text
    assert not LINK.search(offered)
    assert session.scalars(select(Token.id)).all() == [1], "looking makes no link"
    session.rollback()

    caplog.set_level("DEBUG")
    first, second = ("Bob Brown", "无邮箱") if "Bob Brown" in offered else ("无邮箱", "Bob Brown")
    answer = _post(ann, "message")
    assert first in answer
    [(path, token)] = set(LINK.findall(answer.split("/stop")[0]))
    assert f"{path}/stop" in answer, "it says how to be asked no more"
    assert token not in session.scalars(select(Token.digest).order_by(Token.id.desc())).first()  # type: ignore[operator]
    session.rollback()
    again = ann.get(DESK).text
    assert first in again
    assert not LINK.search(again), "a page looked at again shows no link"
    assert app.test_client().get(path).status_code == 200

    after = _post(ann, "sent")
    assert second in after, "the next one is offered at once"
    assert _states(session) == {"王芳": ("sent", "sent"), first: ("sent", "sent"), second: ("queued", "queued")}
    deeds = select(JournalEntry.action, JournalEntry.by).where(JournalEntry.action.like("message%"))
    ours = [tuple(row) for row in session.execute(deeds.order_by(JournalEntry.id))]
    assert ours == [("message written by hand", "ann@harbour.example"), ("message sent by hand", "ann@harbour.example")]
    assert token not in caplog.text
    assert token not in str(session.execute(select(JournalEntry.details)).all())


def test_what_waits_for_one_person_is_one_message_a_day(ann: FlaskClient, session: Session, settings: Settings) -> None:
    session.execute(update(OutboxMessage).values(state="held"))  # nobody else waits
    session.execute(update(Contact).where(Contact.name != "无邮箱").values(email=None, wechat=None))
    for code in ("S2", "S3"):
        campaign = plan(session, code, at=now())
        campaign.rest_days = 0
        invitations.invite(session, campaign, reach=channels.reach(channels.ways(settings)), by=BY, at=now())
    session.commit()
    words = _post(ann, "message", desk="/campaigns/S3/wechat")
    assert len(set(LINK.findall(words))) == 2, "one link for each campaign"
    _post(ann, "sent")
    assert reminders.remind(session, campaign, by=BY, at=now()).reminded == 1
    session.commit()
    assert "要等到明天" in _post(ann, "message", desk="/campaigns/S3/wechat")
    with time_machine.travel(now() + timedelta(days=1)):
        assert "提醒您" in _post(ann, "message", desk="/campaigns/S3/wechat")


def test_who_cannot_be_reached_is_not_written_to_until_corrected(ann: FlaskClient, session: Session) -> None:
    name = "Bob Brown" if "Bob Brown" in ann.get(DESK).text else "无邮箱"
    _post(ann, "message")
    assert "请用几个字说明原因。" in _post(ann, "unreached")
    assert _states(session)[name] == ("claimed", "queued"), "a reason is needed"
    _post(ann, "unreached", reason="不是好友")
    assert _states(session)[name] == ("failed", "bounced")
    contact = session.scalars(select(Contact).where(Contact.name == name)).one()
    assert contact.undeliverable == contact.wechat
    campaign = session.scalars(select(Invitation)).first().campaign  # type: ignore[union-attr]
    assert [(one.contact, one.reason) for one in delivery.undelivered(session, campaign)] == [(name, "不是好友")]


def test_not_now_goes_behind_the_others_and_nothing_is_stuck_mail(ann: FlaskClient, session: Session) -> None:
    worker.drain()
    first = "Bob Brown" if "Bob Brown" in ann.get(DESK).text else "无邮箱"
    _post(ann, "message")
    assert first not in _post(ann, "later"), "somebody else is next"
    assert _states(session)[first] == ("queued", "queued")
    campaign = session.scalars(select(Invitation)).first().campaign  # type: ignore[union-attr]
    seen = progress(session, campaign, by_hand=("wechat",))
    assert (seen.messages, seen.waiting_since) == ({"by hand": 2, "sent": 1}, None)
    with time_machine.travel(now() + timedelta(hours=1)):
        told = {one.name: (one.well, str(one.seen)) for one in health.findings(lambda _: ())}
    assert told["sending"] == (True, "nothing has waited for longer than 15 minutes")
    assert told["WeChat messages"] == (True, "waiting to be sent by hand: 2")


def test_an_expired_lease_returns_it_and_what_is_said_later_counts_only_while_nobody_else_has_it(
    ann: FlaskClient, session: Session, person: Callable[..., str], sign_in: Signed
) -> None:
    ben = sign_in(person("administrator", "ben@harbour.example"))
    _post(ann, "message")
    held = re.search(r'name="message_id"[^>]* value="([0-9a-f]+)"', ann.get(DESK).text)
    assert held is not None
    with time_machine.travel(now() + timedelta(minutes=16)):
        worker.tidy()
        assert sorted(state for state, _ in _states(session).values()) == ["queued"] * 3
        session.execute(update(OutboxMessage).where(OutboxMessage.message_id != held[1]).values(state="held"))
        session.commit()
        assert LINK.search(_post(ben, "message")), "somebody else has it now"
        assert "不在您手上" in _post(ann, "sent", message_id=held[1])
        assert [state for state, _ in _states(session).values()].count("claimed") == 1
        _post(ben, "later")
        _post(ann, "message")
    with time_machine.travel(now() + timedelta(minutes=40)):
        worker.tidy()
        _post(ann, "sent", message_id=held[1])
        assert [state for state, _ in _states(session).values()].count("sent") == 1, "nobody is written to twice"


@pytest.mark.parametrize("engine_name", ["sqlite"])
def test_no_rep_and_no_manager_gets_there_whatever_else_they_are(
    asked: None, session: Session, person: Callable[..., str], sign_in: Signed
) -> None:
    email = person("administrator")
    client = sign_in(email)
    assert client.get(DESK).status_code == 200
    for role in ("manager", "rep"):
        user = session.scalars(select(users.User).where(users.User.email == email)).one()
        kept = list(user.roles)
        users.give_role(session, user, role, by=BY, at=now())
        session.commit()
        assert client.get(DESK).status_code == 404, role
        user.roles = kept
        session.commit()


@pytest.mark.parametrize("engine_name", ["sqlite"])
def test_a_class_of_the_companys_own_needs_no_page(
    app: Flask, session: Session, settings: Settings, person: Callable[..., str], sign_in: Signed
) -> None:
    own = settings.model_copy(update={"own_channels": {"wechat": "tests.survey.test_sms:WeChat"}})
    _ask(session, settings)
    client = sign_in(person("administrator"))
    app.config["SETTINGS"] = own
    assert client.get(DESK).status_code == 404
    assert channels.ways(own)[-1].name == "wechat"
    assert channels.by_hand(own) == ()
