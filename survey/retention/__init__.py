"""Erasing a customer: who they were is gone, what was worked out with their ratings stands.

A row without a name stays, under a code of its own making, so that pseudonymous ratings, visits and the frames of past
draws still add up. Everything that leads to a person goes: contacts, links, drafts, words they wrote and words about
them. The journal is not touched: it holds no words and knows customers by number.
"""

from __future__ import annotations

import secrets
from collections.abc import Collection
from dataclasses import dataclass
from datetime import date, datetime
from pathlib import Path
from typing import Any

from sqlalchemy import func, or_, select
from sqlalchemy.orm import Session

from survey import journal
from survey.intake.storing import wait_for_others
from survey.models.answering import Answer, Response, ResponseVersion
from survey.models.appraising import Appraisal, SchemeVersion
from survey.models.asking import Invitation, Subject
from survey.models.company import Period
from survey.models.retention import Erasure
from survey.models.roster import Contact, Customer
from survey.models.sending import OutboxMessage
from survey.refusals import N_, Refused
from survey.retention import answers, rows, words
from survey.roster.erased import fingerprint
from survey.runs import erasing

NAME = "已清除 Erased"
"""What the row that stays is called."""


class UnknownCustomer(Refused):
    pass


@dataclass(frozen=True, slots=True, kw_only=True)
class Holding:
    """What is held of a customer, for whoever is about to erase them. `erased_at` when that was done before."""

    name: str
    contacts: int
    invitations: int
    answers: int
    erased_at: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Erased:
    """What erasing did. `score_again`: periods whose last run had read what is gone; `draw_up_again`: (period, scheme)
    of appraisals that rest on it. `appraisals` quoted a name and no longer do. `shared` names are said of others too,
    so words with them were left; `also` are the codes of other customers with the same person or address."""

    customer_id: int
    known_as: str
    fresh: bool
    erased_at: datetime
    answers: int
    kept: int
    contacts: int = 0
    invitations: int = 0
    uploads: int = 0
    score_again: tuple[str, ...] = ()
    draw_up_again: tuple[tuple[str, str], ...] = ()
    appraisals: tuple[str, ...] = ()
    shared: tuple[str, ...] = ()
    also: tuple[str, ...] = ()


def holding(session: Session, code: str) -> Holding:
    """Raises UnknownCustomer."""
    customer, erasure = _find(session, code)
    asked = select(func.count(Invitation.id)).where(Invitation.customer_id == customer.id)
    given = (
        select(func.count(Answer.id))
        .join(ResponseVersion, ResponseVersion.id == Answer.response_version_id)
        .join(Response, Response.id == ResponseVersion.response_id)
        .join(Subject, Subject.id == Response.subject_id)
        .join(Invitation, Invitation.id == Subject.invitation_id)
        .where(Invitation.customer_id == customer.id)
    )
    return Holding(
        name=customer.name,
        contacts=session.scalar(select(func.count(Contact.id)).where(Contact.customer_id == customer.id)) or 0,
        invitations=session.scalar(asked) or 0,
        answers=session.scalar(given) or 0,
        erased_at=erasure.erased_at if erasure else None,
    )


def erase(session: Session, code: str, *, on: date, by: str, at: datetime) -> Erased:
    """Erase a customer with everybody there, in the caller's transaction; `on` is today. Done again, it changes
    nothing. What lies in files is cleared by `clear`, and the database has to be written anew (`database.compact`).

    Raises UnknownCustomer, LetterOnItsWay.
    """
    wait_for_others(session)
    customer, erasure = _find(session, code)
    if erasure is not None:
        return _told(customer, erasure, fresh=False)
    rows.lock(session, customer.id, at=at)
    names, shared = words.names_of(session, customer)
    erased_code = fingerprint(customer.code)
    also = _also(session, customer)
    contacts, invitations = rows.forget_people(session, customer.id, at=at)
    rows.forget_visits(session, {customer.code, customer.name} - shared, becomes := _new_code(session))
    rows.forget_service(session, customer.id, on=on)
    rows.forget_words(session, customer.id)
    rows.keep_numbers(session, customer)
    uploads = rows.forget_files(session, customer.id, contacts)
    answers.keep_what_is_shared(session, customer.id)
    thinned = answers.thin(session, customer.id, erasing.beside(session, customer.id))
    taken = erasing.take_out(session, customer.id, thinned.dropped)
    _become_nobody(customer, becomes)
    session.flush()
    quoted = words.put_out(session, names)
    erasure = Erasure(
        customer_id=customer.id, fingerprint=erased_code, answers=thinned.deleted, kept=thinned.kept,
        runs={str(one.run): {"ratings": one.ratings, "digest": one.digest} for one in taken}, erased_at=at, by=by,
    )  # fmt: skip
    session.add(erasure)
    session.flush()
    details = {"answers": thinned.deleted, "ratings kept": thinned.kept, "runs": erasure.runs, "papers": quoted}
    journal.record(session, "customer erased", f"customer {customer.id}", details, by=by, at=at)
    again = sorted({one.period for one in taken if one.counts and one.ratings})
    return _told(
        customer, erasure, fresh=True, contacts=len(contacts), invitations=invitations, uploads=uploads,
        score_again=tuple(again), draw_up_again=_resting_on(session, thinned.periods.union(again)),
        appraisals=tuple(sorted(quoted)), shared=tuple(sorted(shared)), also=also,
    )  # fmt: skip


def clear(session: Session, customer_id: int, *, outbox: Path, printed: Path) -> int:
    """Delete the customer's letters from the folder that mail is written to, and what was printed and waits to be
    fetched. How many files went."""
    letters = (
        select(OutboxMessage.message_id)
        .join(Invitation, Invitation.id == OutboxMessage.invitation_id)
        .where(Invitation.customer_id == customer_id)
    )
    files = [outbox / f"{name}.eml" for name in session.scalars(letters)]
    files += printed.glob("*.zip") if printed.is_dir() else ()
    there = [file for file in files if file.exists()]
    for file in there:
        file.unlink(missing_ok=True)
    return len(there)


def tables() -> tuple[str, ...]:
    """Every table that may have held what is erased."""
    return (*(table.name for table in words.words_tables()), *rows.TABLES)


def _find(session: Session, code: str) -> tuple[Customer, Erasure | None]:
    """Who bears this code, or bore it before they were erased."""
    code = code.strip() if code.isprintable() else ""
    before = select(Erasure).join(Customer, Customer.id == Erasure.customer_id)
    erasure = session.scalar(before.where(or_(Erasure.fingerprint == fingerprint(code), Customer.code == code)))
    if erasure is not None:
        return session.get_one(Customer, erasure.customer_id), erasure
    customer = session.scalar(select(Customer).where(Customer.code == code))
    if customer is None:
        raise UnknownCustomer(N_("There is no customer with the code “%(code)s”."), code=code)
    return customer, None


def _also(session: Session, customer: Customer) -> tuple[str, ...]:
    """Other customers at which the same person stands, by an address of theirs."""
    theirs = session.scalars(select(Contact).where(Contact.customer_id == customer.id)).all()
    same = [
        column.in_(values)
        for name, column in (("email", Contact.email), ("phone", Contact.phone), ("wechat", Contact.wechat))
        if (values := [value for one in theirs if (value := getattr(one, name))])
    ]
    if not same:
        return ()
    found = select(Customer.code).join(Contact, Contact.customer_id == Customer.id)
    return tuple(sorted(set(session.scalars(found.where(or_(*same), Customer.id != customer.id)))))


def _new_code(session: Session) -> str:
    while True:
        code = f"erased-{secrets.token_hex(5)}"
        if session.scalar(select(Customer.id).where(Customer.code == code)) is None:
            return code


def _become_nobody(customer: Customer, code: str) -> None:
    customer.code, customer.name, customer.customer_since = code, NAME, None
    for attribute in ("segment", "size_band", "industry", "channel", "product_line", "ship_from"):
        setattr(customer, attribute, None)


def _resting_on(session: Session, periods: Collection[str]) -> tuple[tuple[str, str], ...]:
    """Under which schemes appraisals of these periods were drawn up that no person decided on yet."""
    drawn = (
        select(Period.code, SchemeVersion.name)
        .join(Appraisal, Appraisal.period_id == Period.id)
        .join(SchemeVersion, SchemeVersion.id == Appraisal.scheme_version_id)
        .where(Period.code.in_(periods), Appraisal.run_id.is_not(None))
        .distinct()
        .order_by(Period.code, SchemeVersion.name)
    )
    return tuple((period, scheme) for period, scheme in session.execute(drawn).all())


def _told(customer: Customer, erasure: Erasure, *, fresh: bool, **more: Any) -> Erased:
    return Erased(
        customer_id=customer.id, known_as=customer.code, fresh=fresh, erased_at=erasure.erased_at,
        answers=erasure.answers, kept=erasure.kept, **more,
    )  # fmt: skip
