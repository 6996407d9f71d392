"""The one company this installation belongs to."""

from __future__ import annotations

import hashlib
from datetime import datetime
from zoneinfo import available_timezones

from sqlalchemy import select
from sqlalchemy.orm import Session

from survey import journal
from survey.models.company import Company
from survey.refusals import N_, Refused

HOME_TIME_ZONE = "Asia/Shanghai"


class CompanyIncomplete(Refused):
    pass


class UnknownTimeZone(Refused):
    pass


def settle(
    session: Session,
    *,
    name: str | None = None,
    name_zh: str | None = None,
    time_zone: str | None = None,
    privacy_contact: str | None = None,
    results_within: int | None = None,
    lost_after: int | None = None,
    by: str,
    at: datetime,
) -> Company:
    """Name the company or change what is known of it; what is left out stays.

    The first time, its name and whom to ask about privacy are needed. Raises CompanyIncomplete, UnknownTimeZone.
    """
    if time_zone is not None and time_zone not in available_timezones():
        raise UnknownTimeZone(
            N_("There is no time zone “%(time_zone)s”. Write it like Asia/Shanghai or Europe/Berlin."),
            time_zone=time_zone,
        )
    given = {"name": name, "name_zh": name_zh, "time_zone": time_zone, "privacy_contact": privacy_contact}
    told = {field: value.strip() for field, value in given.items() if value and value.strip()}
    company = session.scalar(select(Company))
    if company is None:
        if not {"name", "privacy_contact"} <= told.keys():
            raise CompanyIncomplete(N_("Give the company's name and whom customers may ask about privacy."))
        company = Company(**{"name_zh": told["name"], "time_zone": HOME_TIME_ZONE} | told)
        session.add(company)
    else:
        for field, value in told.items():
            setattr(company, field, value)
    for field, days in (("results_within", results_within), ("lost_after", lost_after)):
        if days is not None:
            setattr(company, field, days)
            told[field] = str(days)
    session.flush()
    journal.record(session, "company set", company.name, {"fields": sorted(told)}, by=by, at=at)
    return company


def keep_logo(session: Session, picture: bytes | None, *, by: str, at: datetime) -> None:
    """Keep a picture (a small PNG) as the company's logo, or none any more."""
    company = session.scalar(select(Company))
    if company is None or (picture is None and company.logo_digest is None):
        return
    company.logo = picture
    company.logo_digest = hashlib.sha256(picture).hexdigest() if picture else None
    session.flush()
    journal.record(session, "logo set" if picture else "logo taken away", company.name, by=by, at=at)
