"""Who may be recommended for a reward, by band alone: a list for the person who decides, and nothing that pays.

Recommended are the bands above the lowest that carries no adverse consequence (with A to E and D, E adverse: A and B).
The band is the one a person decided on, until then the one the scheme lets a reward go by (the benefit of the doubt).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from sqlalchemy.orm import Session

from survey.appraisals import Reader
from survey.appraisals.comparing import newest_papers
from survey.appraisals.statement import BandLine, Statement
from survey.models.appraising import Appraisal


@dataclass(frozen=True, slots=True, kw_only=True)
class Recommended:
    """One rep: the band a reward may go by, how probable it is that the total reaches it (None: not measured), and
    whether a person has decided."""

    id: int
    name: str
    position: str
    band: str
    chance: float | None
    decided: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class RewardPage:
    """Everybody recommended, by name; `bands` are those recommended, with how many people each; `of` is how many were
    appraised."""

    period: str
    scheme: str
    title_zh: str
    title_en: str
    choices: tuple[tuple[str, str], ...]
    bands: tuple[tuple[BandLine, int], ...]
    rows: tuple[Recommended, ...]
    of: int

    def costs(self, amounts: Mapping[str, float]) -> tuple[tuple[BandLine, int, float, float], ...]:
        """What an amount for each person of a band comes to: band, people, each, sum."""
        return tuple(
            (band, people, amounts[band.code], people * amounts[band.code])
            for band, people in self.bands
            if band.code in amounts
        )


def recommendations(
    session: Session, reader: Reader, period: str | None = None, scheme: str | None = None
) -> RewardPage | None:
    """The recommendations of one period and scheme, the newest where none is named; None without any appraisal.

    Raises NotToBeSeen for a period or scheme without any.
    """
    papers = newest_papers(session, reader, period, scheme)
    if papers is None:
        return None
    statements = [Statement.from_record(row.statement, row.outcome) for row, _ in papers.rows]
    newest = max(statements, key=lambda one: one.scheme_version)
    worth = rewarded(newest.bands)
    rows = tuple(
        one
        for (row, name), statement in zip(papers.rows, statements, strict=True)
        if (one := _recommended(row, name, statement)).band in {band.code for band in worth}
    )
    people = Counter(one.band for one in rows)
    return RewardPage(
        period=papers.period, scheme=papers.scheme, title_zh=newest.scheme_title_zh, title_en=newest.scheme_title_en,
        choices=papers.choices, bands=tuple((band, people[band.code]) for band in worth), rows=rows, of=len(statements),
    )  # fmt: skip


def rewarded(bands: Sequence[BandLine]) -> tuple[BandLine, ...]:
    """The bands a reward is recommended for, the best first."""
    harmless = sorted((band for band in bands if not band.adverse), key=lambda band: -band.cut)
    return tuple(harmless[:-1])


def _recommended(row: Appraisal, name: str, statement: Statement) -> Recommended:
    outcome = statement.outcome
    overruled = row.final_band is not None and row.final_band != outcome.band
    band = row.final_band if overruled and row.final_band else outcome.reward_band or outcome.band
    cuts = {one.code: one.cut for one in statement.bands}
    chance = sum(p for code, p in outcome.bands if cuts[code] >= cuts[band]) if outcome.bands and band else None
    return Recommended(
        id=row.id, name=name, position=statement.person.position, band=band, chance=chance,
        decided=row.final_band is not None,
    )  # fmt: skip
