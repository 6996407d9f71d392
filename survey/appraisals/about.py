"""The appraisals of one rep in one period, as the pages about that rep mention them."""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import select
from sqlalchemy.orm import Session

from survey.appraisals import Reader
from survey.models.appraising import Appraisal
from survey.models.company import Period
from survey.models.roster import Rep


@dataclass(frozen=True, slots=True, kw_only=True)
class Mention:
    """One appraisal in a line. `peer_band` and `company_band` differ where it is `territory_sensitive`; `questions` are
    those of the diagnosis, each in Chinese and in English."""

    id: int
    number: str
    revision: int
    period: str
    scheme_zh: str
    scheme_en: str
    state: str
    printed: str
    band: str
    territory_sensitive: bool
    peer_band: str
    company_band: str
    questions: tuple[tuple[str, str], ...]


def mentions(session: Session, reader: Reader, rep_code: str, period: str | None = None) -> tuple[Mention, ...]:
    """The last revision of each that the reader may see, the newest period first."""
    found = session.execute(
        select(Appraisal, Period.code)
        .join(Rep, Rep.id == Appraisal.rep_id)
        .join(Period, Period.id == Appraisal.period_id)
        .where(reader.allowed, Rep.code == rep_code, *([Period.code == period] if period else []))
        .order_by(Period.from_on.desc(), Appraisal.number, Appraisal.revision)
    )
    last = {row.number: (row, code) for row, code in found}
    return tuple(_mention(row, code) for row, code in last.values())


def _mention(row: Appraisal, period: str) -> Mention:
    statement, outcome = row.statement, row.outcome
    asked = (statement.get("diagnosis") or {}).get("questions", ())
    return Mention(
        id=row.id, number=row.number, revision=row.revision, period=period,
        scheme_zh=statement["scheme_title_zh"], scheme_en=statement["scheme_title_en"],
        state=row.state, printed=outcome["printed"], band=row.final_band or row.band or "",
        territory_sensitive=outcome["territory_sensitive"], peer_band=outcome["peer_band"],
        company_band=outcome["company_band"],
        questions=tuple((one["zh"], one["en"]) for one in asked),
    )  # fmt: skip
