"""How history is stored: campaigns that are over, invitations that were answered or expired, answers in bulk."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, time
from typing import Any
from zoneinfo import ZoneInfo

from sqlalchemy.orm import Session

from survey.history.lines import Given
from survey.intake.changes import Changes
from survey.intake.storing import add, create, ids, reserve
from survey.models.answering import Answer, Response, ResponseVersion
from survey.models.asking import Campaign, Invitation, QuestionnaireVersion, Subject
from survey.models.company import Period
from survey.models.roster import Customer, Rep, Territory
from survey.questionnaires.sheet import Item

MIDDAY = time(12)


@dataclass(frozen=True, slots=True, kw_only=True)
class Keeper:
    """Stores lines as answers of a period to one version of a question sheet."""

    session: Session
    period: Period
    version: QuestionnaireVersion
    zone: ZoneInfo
    changes: Changes
    at: datetime

    def keep(self, lines: Sequence[Given], items: Mapping[str, Item]) -> None:
        """Store new lines with everything they speak of that is not known yet."""
        if not lines:
            return
        self._create_campaigns({line.row.campaign for line in lines})
        for model, codes in (
            (Customer, {line.row.customer for line in lines}),
            (Rep, {line.row.rep for line in lines}),
            (Territory, {line.row.territory for line in lines}),
        ):
            self._create_by_code(model, codes)
        subjects = self._ask(lines)
        answered = [(line, subject) for line, subject in zip(lines, subjects, strict=True) if line.answered]
        if answered:
            self._answer(answered, {item.code: item.scale_code for item in items.values()})

    def _create_campaigns(self, codes: Iterable[str]) -> None:
        campaigns = [
            Campaign(
                code=code,
                period=self.period,
                questionnaire=self.version,
                opens_on=self.period.from_on,
                closes_on=self.period.to_on,
                asked_about={"zh": self.period.code, "en": self.period.code},
                state="closed",
                imported=True,
            )
            for code in sorted(set(codes) - ids(self.session, Campaign).keys())
        ]
        self.session.add_all(campaigns)
        self.session.flush()
        self.changes.create(Campaign.__tablename__, sorted(campaign.id for campaign in campaigns))

    def _create_by_code(self, model: Any, codes: set[str]) -> None:
        unknown = sorted(codes - ids(self.session, model).keys())
        create(self.session, self.changes, model, unknown, lambda code: {"code": code, "name": code})

    def _ask(self, lines: Sequence[Given]) -> Sequence[int]:
        """One invitation with one subject for each line. Returns the subjects' ids in the order of the lines."""
        known = {model: ids(self.session, model) for model in (Campaign, Customer, Rep, Territory)}
        invitations, subjects = (self._reserve(model, len(lines)) for model in (Invitation, Subject))
        add(
            self.session,
            Invitation,
            (
                {
                    "id": invitation,
                    "campaign_id": known[Campaign][line.row.campaign],
                    "customer_id": known[Customer][line.row.customer],
                    "mode": line.row.mode,
                    "disposition": "completed" if line.answered else "expired",
                    "created_at": self._instant(line),
                }
                for invitation, line in zip(invitations, lines, strict=True)
            ),
        )
        add(
            self.session,
            Subject,
            (
                {
                    "id": subject,
                    "invitation_id": invitation,
                    "rep_id": known[Rep][line.row.rep],
                    "territory_id": known[Territory][line.row.territory],
                    "adjusters": dict(line.adjusters),
                    "served_share": 1.0,
                }
                for subject, invitation, line in zip(subjects, invitations, lines, strict=True)
            ),
        )
        return subjects

    def _answer(self, answered: Sequence[tuple[Given, int]], scales: Mapping[str, str]) -> None:
        responses, versions = (self._reserve(model, len(answered)) for model in (Response, ResponseVersion))
        answers = iter(self._reserve(Answer, sum(len(line.replies) for line, _ in answered)))
        add(
            self.session,
            Response,
            (
                {"id": response, "subject_id": subject, "first_answered_at": self._instant(line), "version_no": 1}
                for response, (line, subject) in zip(responses, answered, strict=True)
            ),
        )
        add(
            self.session,
            ResponseVersion,
            (
                {
                    "id": version,
                    "response_id": response,
                    "version_no": 1,
                    "nonce": line.nonce,
                    "answered_at": self._instant(line),
                    "mode": line.row.mode,
                }
                for version, response, (line, _) in zip(versions, responses, answered, strict=True)
            ),
        )
        add(
            self.session,
            Answer,
            (
                {
                    "id": next(answers),
                    "response_version_id": version,
                    "item": item,
                    "scale": scales[item],
                    "state": reply.state,
                    "value": reply.value,
                    "text": reply.text,
                }
                for version, (line, _) in zip(versions, answered, strict=True)
                for item, reply in line.replies.items()
            ),
        )

    def _reserve(self, model: Any, count: int) -> Sequence[int]:
        numbers = reserve(self.session, model, count)
        self.changes.create(model.__tablename__, numbers)
        return numbers

    def _instant(self, line: Given) -> datetime:
        """A day of history is kept as its midday, where the company is; without a day it is the import's instant."""
        day = line.row.answered_on
        return datetime.combine(day, MIDDAY, tzinfo=self.zone) if day else self.at
