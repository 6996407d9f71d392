"""A real server under a storm: however often and however fast people press Send, one response a subject counts."""

from __future__ import annotations

from datetime import datetime

import pytest
from flask import Flask
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from survey.config import Settings
from survey.context import now
from survey.models.answering import Answer, Response, ResponseVersion
from survey.models.asking import Invitation
from survey.views import sheets
from tests.asking import CORE, ask_many
from tests.serving import Answered, Post, post_all, served

SUBJECTS, POSTS, NONCES, ROUNDS = 200, 50, 2, 20


def _storm(app: Flask, session: Session, settings: Settings, at: datetime) -> list[Post]:
    """Fifty posts of every link, half of them the same click again, half of them a sheet filled in anew."""
    asked = ask_many(session, settings, SUBJECTS, at=at)
    posts = []
    for link, invitation_id in asked:
        invitation = session.get_one(Invitation, invitation_id)
        nonces = [sheets.new_nonce(invitation) for _ in range(NONCES)]
        for number in range(POSTS):
            fields = {**{f"{item}-1": value for item, value in CORE.items()}, "language": "en"}
            posts.append(Post(path=link, fields={**fields, "nonce": nonces[number % NONCES], "overall-1": "4"}))
    session.rollback()
    return posts


def _told(port: int, posts: list[Post]) -> list[Answered]:
    """What every post got in the end: a client for each post of one link, and whoever is told to come back does."""
    told = dict(enumerate(post_all(port, posts, clients=POSTS)))
    for _ in range(ROUNDS):
        sent_away = [place for place, one in told.items() if one.status == 503]
        told |= zip(sent_away, post_all(port, [posts[place] for place in sent_away], clients=8), strict=True)
    return list(told.values())


@pytest.mark.slow
@pytest.mark.timeout(1500)
def test_two_hundred_subjects_and_fifty_posts_each_are_two_hundred_responses(
    app: Flask, session: Session, settings: Settings
) -> None:
    posts = _storm(app, session, settings, now())
    with served("wsgi:app", settings, threads=8) as port:
        answered = _told(port, posts)
    assert {one.status for one in answered} == {303}
    assert [one.location for one in answered] == [f"{post.path}/thanks?lang=en" for post in posts]
    session.expire_all()
    assert session.scalar(select(func.count()).select_from(Response)) == SUBJECTS
    assert session.scalar(select(func.count()).select_from(ResponseVersion)) == NONCES * SUBJECTS
    counted = (
        select(func.count())
        .select_from(Answer)
        .join(ResponseVersion, ResponseVersion.id == Answer.response_version_id)
        .join(Response, Response.id == ResponseVersion.response_id)
        .where(ResponseVersion.version_no == Response.version_no, Answer.item == "overall", Answer.value == 4)
    )
    assert session.scalar(counted) == SUBJECTS
    assert set(session.scalars(select(Invitation.disposition))) == {"completed"}
