"""The life of a link: issued, reminded of, opened, kept, answered, answered again, revoked, expired, declined, in any
order and at any time. A plain model says what must be there after every step, on both databases."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta

import pytest
from hypothesis import HealthCheck, strategies
from hypothesis import settings as hypothesis_settings
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule, run_state_machine_as_test
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from survey import campaigns, invitations, questionnaires, responses
from survey.config import Settings
from survey.invitations import links, people
from survey.models.answering import Answer, Draft, Response, ResponseVersion
from survey.models.asking import Invitation, Subject, Token
from survey.models.roster import Contact
from survey.questionnaires.sheet import Reply
from survey.refusals import Refused
from survey.responses import CORRECTION_TIME, Submission, drafts
from tests.asking import BY, found, plan

VALUES = strategies.integers(min_value=1, max_value=5)
ABOUT = strategies.sets(strategies.integers(min_value=0, max_value=1), min_size=1)
UNOPENED = ("queued", "sent")
UNANSWERED = (*UNOPENED, "opened")


class LifeOfALink(RuleBasedStateMachine):
    """Bob Brown's link about two reps, in a campaign of fourteen days."""

    session: Session
    settings: Settings
    begin: datetime
    number = 0

    def __init__(self) -> None:
        super().__init__()
        type(self).number += 1
        self.at = self.begin
        campaign = plan(self.session, f"L{self.number}", at=self.at)
        invitations.invite(self.session, campaign, by=BY, at=self.at)
        self.session.flush()
        ours = select(Invitation).join(Contact, Contact.id == Invitation.contact_id)
        self.invitation = self.session.scalars(
            ours.where(Invitation.campaign_id == campaign.id, Contact.name == "Bob Brown")
        ).one()
        self.closing = campaigns.closes_at(self.session, campaign)
        self.sheet = questionnaires.read(campaign.questionnaire.content)
        self.tokens = [self._mint()]
        self.ended = False
        self.first: datetime | None = None
        self.counted: dict[int, int] = {}
        self.versions: dict[int, int] = {}
        self.nonces: list[str] = []
        self.kept: dict[int, dict[str, str]] = {}
        self.disposition = "queued"

    def _mint(self) -> str:
        return links.mint(self.session, self.invitation.id, keys=self.settings.token_keys, at=self.at)

    def _open(self, which: int) -> Invitation:
        token = self.tokens[which % len(self.tokens)]
        return links.redeem(self.session, token, keys=self.settings.token_keys, at=self.at)

    def _fate(self) -> type[Refused] | None:
        """How the link must refuse a submission now, if it must."""
        if self.ended or self.at >= self.closing:
            return links.LinkClosed
        if self.first is not None and self.at >= self.first + CORRECTION_TIME:
            return responses.AnswersFinal
        return None

    def _replies(self, about: set[int], value: int) -> dict[int, dict[str, Reply]]:
        reply = self.sheet.item("knowledge").reply(str(value))
        return {self.invitation.subjects[place].id: {"knowledge": reply} for place in sorted(about)}

    def _try(self, which: int, act: Callable[[Invitation], None], expected: type[Refused] | None) -> None:
        if expected is None:
            act(self._open(which))
            return
        with pytest.raises(expected):
            act(self._open(which))

    @rule()
    def remind(self) -> None:
        self.tokens.append(self._mint())

    @rule(which=strategies.integers(0, 9))
    def open(self, which: int) -> None:
        if self.ended or self.at >= self.closing:
            with pytest.raises(links.LinkClosed):
                self._open(which)
        else:
            assert self._open(which) is self.invitation

    @rule(token=strategies.text(links.ALPHABET, min_size=26, max_size=26))
    def guess(self, token: str) -> None:
        with pytest.raises(links.UnknownToken):
            links.redeem(self.session, token, keys=self.settings.token_keys, at=self.at)

    @rule(which=strategies.integers(0, 9), about=ABOUT, value=VALUES)
    def keep(self, which: int, about: set[int], value: int) -> None:
        sheets = self._replies(about, value)
        fate = self._fate()
        self._try(
            which,
            lambda invitation: drafts.save(self.session, invitation, sheets, nonce="not sent", at=self.at),
            fate,
        )
        if fate is None:
            self.kept = {subject: {"knowledge": str(value)} for subject in sheets}
            if self.disposition in ("queued", "sent"):
                self.disposition = "opened"

    @rule(which=strategies.integers(0, 9), about=ABOUT, value=VALUES)
    def answer(self, which: int, about: set[int], value: int) -> None:
        nonce = f"nonce {len(self.nonces)}"
        sheets = self._replies(about, value)
        fate = self._fate()

        def record(invitation: Invitation) -> None:
            submission = Submission(nonce=nonce, language="en")
            assert not responses.record(self.session, invitation, sheets, submission, at=self.at).repeated

        self._try(which, record, fate)
        if fate is None:
            self.nonces.append(nonce)
            self.first = self.first or self.at
            for subject in sheets:
                self.counted[subject] = value
                self.versions[subject] = self.versions.get(subject, 0) + 1
            self.kept = {}
            self.disposition = "partial"

    @rule(which=strategies.integers(0, 9), value=VALUES)
    def press_send_again(self, which: int, value: int) -> None:
        if not self.nonces or self.ended or self.at >= self.closing:
            return
        submission = Submission(nonce=self.nonces[-1], language="en")
        again = responses.record(
            self.session, self._open(which), self._replies({0, 1}, value), submission, at=self.at
        )  # fmt: skip
        assert again.repeated

    @rule(which=strategies.integers(0, 9))
    def send_a_blank_sheet(self, which: int) -> None:
        fate = self._fate() or responses.NothingAnswered
        submission = Submission(nonce="blank", language="en")
        self._try(
            which,
            lambda invitation: responses.record(self.session, invitation, {}, submission, at=self.at) and None,
            fate,
        )

    @rule(hours=strategies.sampled_from([1, 5, 23, 24, 48, 24 * 7]))
    def wait(self, hours: int) -> None:
        self.at += timedelta(hours=hours)

    @rule()
    def decline(self) -> None:
        contact = self.invitation.contact
        assert contact is not None
        people.opt_out(self.session, contact, at=self.at)
        if self.disposition in UNANSWERED and self.invitation.campaign.state == "open":
            self.disposition = "opted out"

    @rule()
    def say_it_is_the_wrong_person(self) -> None:
        invitations.mark_wrong_person(self.session, self.invitation)
        if self.disposition in UNANSWERED:
            self.disposition = "wrong person"

    @rule(chance=strategies.integers(0, 3))
    def revoke(self, chance: int) -> None:
        if chance == 0:
            invitations.revoke(self.session, self.invitation, reason="a test", by=BY, at=self.at)
            self.ended = True

    @rule(chance=strategies.integers(0, 3))
    def close(self, chance: int) -> None:
        if chance == 0 and self.invitation.campaign.state == "open":
            campaigns.close(self.session, self.invitation.campaign, by=BY, at=self.at)
            self.ended, self.kept = True, {}
            if self.disposition in UNOPENED:
                self.disposition = "expired"

    @invariant()
    def what_is_stored_is_what_was_said(self) -> None:
        self.session.flush()
        self.session.refresh(self.invitation)
        of_invitation = Subject.invitation_id == self.invitation.id
        rows = self.session.execute(
            select(Subject.id, Response.version_no, Answer.value)
            .join(Response, Response.subject_id == Subject.id)
            .join(ResponseVersion, ResponseVersion.response_id == Response.id)
            .join(Answer, Answer.response_version_id == ResponseVersion.id)
            .where(of_invitation, ResponseVersion.version_no == Response.version_no, Answer.state == "answered")
        ).all()
        assert {subject: value for subject, _, value in rows} == self.counted
        assert {subject: version for subject, version, _ in rows} == self.versions
        kept = select(func.count()).select_from(Draft).where(Draft.invitation_id == self.invitation.id)
        assert drafts.chosen(self.session, self.invitation) == self.kept
        assert self.session.scalar(kept) == bool(self.kept)
        assert self.invitation.disposition == self.disposition
        digests = select(Token.digest).where(Token.invitation_id == self.invitation.id)
        assert not set(self.session.scalars(digests)) & set(self.tokens), "no link is stored as it is"

    def teardown(self) -> None:
        self.session.rollback()


@pytest.mark.timeout(600)
def test_a_link_lives_as_the_model_says(session: Session, settings: Settings, now: datetime) -> None:
    found(session)
    session.commit()
    machine = type(
        "Life", (LifeOfALink,), {"session": session, "settings": settings, "begin": now}
    )  # fmt: skip
    run_state_machine_as_test(
        machine,
        settings=hypothesis_settings(
            max_examples=12, stateful_step_count=25, deadline=None, derandomize=True, database=None,
            suppress_health_check=list(HealthCheck),
        ),
    )  # fmt: skip
