"""A scheme ships only when imported files, through `evenhand appraise`, reproduce its worked number in the PDF.

One company holds a period and a rep for every scheme, so that all of them are drawn up once and printed in one press.
"""

from __future__ import annotations

import io
import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pypdf
import pytest
from click.testing import CliRunner
from flask.cli import ScriptInfo
from sqlalchemy import select

from survey import appraisals, questionnaires, schemes
from survey.app import create_app
from survey.appraisals.statement import Paper
from survey.campaigns.thresholds import DEFAULT_SPEC
from survey.cli import main
from survey.context import db
from survey.models.asking import Campaign
from survey.models.company import Period
from survey.models.roster import Rep
from survey.models.scoring import RepScore, Run
from survey.pdf import Press
from survey.views.appraisals import pages_of

from ..conftest import settings_for
from .papers import strangers

SPEC = DEFAULT_SPEC.read_text(encoding="utf-8")
MARCH = (date(2026, 3, 2), date(2026, 3, 29))  # four weeks from Monday to Sunday
FEBRUARY = (date(2026, 2, 1), date(2026, 2, 28))
FULL: Mapping[str, float] = {"satisfaction": 84}
Shown = tuple[str, ...]
Papers = dict[str, tuple[Paper, dict[str, str]]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Worked:
    """What is imported for one scheme: rows of facts, of targets whose value is computed (`unmeasured`), of events, and
    files of logs; what customers' answers came to (`reported`, by item); and what must stand on paper: points by
    indicator, then sums and remarks."""

    facts: str = ""
    unmeasured: str = ""
    events: str = ""
    logs: Mapping[str, str] | None = None
    reported: Mapping[str, float] | None = None
    days: tuple[date, date] = MARCH
    points: Mapping[str, str]
    total: str
    says: Shown = ()


def calls(rep: str, customers: int, days: list[date], **columns: str) -> str:
    """Visits of customers C01 … on each of these days."""
    extra = "".join(f",{value}" for value in columns.values())
    return "\n".join(f"{rep},C{number:02},{day}{extra}" for number in range(1, customers + 1) for day in days)


WEEKLY = [MARCH[0] + timedelta(weeks=week) for week in range(4)]
COLD = "rep,customer,on,first\n" + "\n".join(f"four-counts,stranger {n},2026-03-0{2 + n % 7},yes" for n in range(22))
KELON = "collection,92,100\ninvoicing,105,100\noutlets,80,100\nnetwork,6,8\nreceivables,9,10"
KELON_EVENTS = "inventory,3,\ncomplaint,2,\ncomplaint,2,\ncomplaint,3,\ndaily,2,"
SALESMAN = "collection,100,\ninvoicing,90,\nreceivables,100,100\ndistribution,75,\ndealings,100,\nprices,5,6"
DUTIES = (
    "daily_reports,120,120\nmonthly_summary,6,6\nretailer_policy,100,\nterritory_control,100,\ndiscipline,100,\n"
    "market_information,6,6\nmarket_anomalies,3,3"
)
NOT_WELL_DONE = "market_control,2,\nagent_coordination,2,\ntechnical_service,2,\nemergencies,2,\nforecasting,2,"
TEN_A_MONTH = "rep,customer,on\n" + calls("zongshen", 10, [date(2026, 2, 3)])
STAGES = (
    "project,name,rep,stage,weight,planned_on,done\n"
    "P1,高炉改造,stage-milestones,lead,5,2026-01-15,100%\nP1,高炉改造,stage-milestones,needs,10,2026-02-15,100%\n"
    "P1,高炉改造,stage-milestones,proposal,20,2026-03-15,50%\nP1,高炉改造,stage-milestones,bid,25,2026-05-15,0\n"
    "P1,高炉改造,stage-milestones,contract,25,2026-06-15,0\nP1,高炉改造,stage-milestones,collection,15,2026-08-15,0\n"
)
TWICE_A_MONTH = "rep,customer,on,need\n" + "\n".join(
    (
        calls("key-account", 18, [date(2026, 2, 3), date(2026, 2, 17)], need="询问交期"),
        "key-account,C19,2026-02-03,询问交期\nkey-account,C20,2026-02-03,询问交期\nkey-account,C20,2026-02-17,",
    )
)
RELATIONS = "rep,customer,on,purpose,help,occasion\n" + "\n".join(
    (
        calls("customer-relationship", 20, WEEKLY, purpose="月度回顾", help="协助陈列", occasion=""),
        *(f"customer-relationship,C{n:02},2026-03-03,,,Qingming" for n in range(1, 3)),
    )
)
VARIANTS = ("provincial-manager", "commercial-supervisor", "terminal-supervisor", "terminal-staff")


def relations(rep: str) -> str:
    """Twenty customers visited and helped every week."""
    return RELATIONS.replace("customer-relationship", rep)


BORNE_OUT = "self-reported, not borne out by customers, not covered"
CARDS = (
    "cards,20,20\nmutual_names,18,20\nfamiliarity,20,20\ntelephones,17,20\nrecommendation,20,20\ninformation,24,24\n"
    "greetings,8,9"
)

WORKED: Mapping[str, Worked] = {
    "taiwan-six": Worked(
        facts="attainment,96,100\nsales,1000000,\ncost,700000,\ndiscounts,30000,\nexpense,40000,\n"
              "collection_days,73,\ninterest,6%,\nbad_debt_rate,0.5,\nmarket_share,9,10\nexpenses,5,4\nsupervisor,4,",
        logs={"goals": "period,rep,text,indicator,target,unit,due_on,accepted_by,accepted_on\n"
              "taiwan-six,taiwan-six,获利率达到30%,profit,30,%,2026-03-29,张三,2026-03-01\n"}, reported=FULL,
        points={"attainment": "33.6", "satisfaction": "16.0", "profit": "10.6", "market_share": "9.0",
                "expenses": "7.5", "supervisor": "7.5"},
        total="84.2", says=("21.3", "Helps colleagues unasked"),
    ),
    "kelon-branch-manager": Worked(
        facts=KELON, events=KELON_EVENTS, total="81.3",
        points={"collection": "36.8", "invoicing": "30.0", "outlets": "8.0", "network": "7.5", "receivables": "9.0"},
        says=("91.3", "−7, capped at −5"),
    ),
    "kelon-branch-manager-satisfaction": Worked(
        facts=KELON, events=KELON_EVENTS, reported=FULL, total="79.0",
        points={"collection": "29.4", "invoicing": "24.0", "outlets": "6.4", "network": "6.0", "receivables": "7.2",
                "satisfaction": "16.0"},
        says=("89.0",),
    ),
    "kelon-salesman": Worked(
        facts=SALESMAN, events="complaint,2,", total="92.0", says=("94.0",),
        points={"collection": "40.0", "invoicing": "27.0", "receivables": "10.0", "distribution": "6.0",
                "dealings": "6.0", "prices": "5.0"},
    ),
    "kelon-salesman-satisfaction": Worked(
        facts=SALESMAN, events="complaint,2,", reported=FULL, total="89.2",
        points={"collection": "32.0", "invoicing": "21.6", "satisfaction": "16.0"},
    ),
    "zongshen": Worked(
        facts=f"sales,100,100\ncollection,100,100\n{DUTIES}", events=NOT_WELL_DONE, days=FEBRUARY,
        logs={"visits": TEN_A_MONTH}, total="84.0", points={"visits": "5.0", "sales": "35.0"},
        says=("2 × 2 = 4", "100.0"),
    ),
    "zongshen-satisfaction": Worked(
        facts=f"sales,100,100\ncollection,100,100\nvisits,10,\n{DUTIES}", events=NOT_WELL_DONE, reported=FULL,
        days=FEBRUARY, total="80.0", points={"sales": "28.0", "satisfaction": "16.0"}, says=("96.0", "2 × 2 = 4"),
    ),
    "ten-criteria": Worked(
        facts="sales,200000,200000\ngross_profit,30000,30000\nworking_days,20,\ncalls,160,\norders,40,\nexpense,8000,\n"
              "new_customers,2,2\ncomplaints,1,",
        unmeasured="call_rate,8\nhit_rate,25\norders_per_day,2\norder_size,5000\nexpense_rate,3.2",
        points={"expense_rate": "7.5", "complaints": "4.0", "sales": "20.0"}, total="96.3", says=("8", "25", "5,000"),
    ),
    "result-process": Worked(
        facts="sales,88,100\ncollection,44,50\nvisits,95,\nshipping,95,\ndunning,95,\nreports,95,\n"
              "merchandising,95,\nstock_count,95,",
        points={"sales": "35.2", "collection": "26.4"}, total="90.1",
        says=("result 61.6/70, 88 %", "process 28.5/30, 95 %"),
    ),
    "sales-customers-satisfaction": Worked(
        facts="sales,90,100\ncustomers,50,50", reported=FULL, total="89.0",
        points={"sales": "45.0", "customers": "20.0", "satisfaction": "24.0"},
    ),
    "four-counts": Worked(
        facts="new_customers,3,3\nlost_customers,1,\nsales,450,\nlast_sales,400,\nnew_customer_sales,30,",
        unmeasured="growth,10", days=(date(2026, 3, 2), date(2026, 3, 8)),
        logs={"visits": COLD, "goals": "period,rep,text,indicator,target,unit,due_on,accepted_by,accepted_on\n"
              "four-counts,four-counts,每周拜访25位陌生客户,cold_visits,25,位,2026-03-08,张三,2026-03-01\n"},
        points={"cold_visits": "17.6", "new_customers": "25.0", "lost_customers": "13.3", "growth": "35.0"},
        total="90.9",
        says=("22", "25", "88", "below the required minimum of 25", "net new 0.5 = 3 won − 2.5 × 1 lost",
              "+7.5 percentage points from new, +5.0 from existing customers", "last period", "+30", "+20",
              "450", "2 / 2"),
    ),
    "technical-newcomer-0-3": Worked(
        facts="product_exam,85,\ntraining_hours,32,40\ncustomer_sessions,6,5\nvisits,22,25", total="87.9",
        points={"product_exam": "25.5", "training_hours": "16.0", "customer_sessions": "20.0", "visits": "26.4"},
    ),
    "technical-newcomer-4-6": Worked(
        facts="product_exam,85,\ntraining_hours,32,40\ncustomer_sessions,6,5\nvisits,22,25\nsales,60,100",
        total="84.7",
        points={"product_exam": "12.8", "training_hours": "8.0", "customer_sessions": "15.0", "visits": "26.4",
                "sales": "22.5"},
        says=("80",),
    ),
    "stage-milestones": Worked(
        facts="collection,9,10\nreports,95,", logs={"projects": STAGES}, reported=FULL, total="81.6",
        points={"milestones": "28.6", "collection": "18.0", "reports": "19.0", "satisfaction": "16.0"},
        says=("71.4", "proposal 10/20", "bid 0/25 by 2026-05-15"),
    ),
    "key-account": Worked(
        facts="attainment,1080,\nlast_year_sales,1000,\nparticipation,3,4", logs={"visits": TWICE_A_MONTH},
        reported=FULL, days=FEBRUARY, total="85.5",
        says=("18", "20", "90", "last year’s 1,000 × 1.2", "Product knowledge"),
        points={"attainment": "36.0", "satisfaction": "24.0", "participation": "7.5", "relationship": "18.0"},
    ),
    "customer-relationship": Worked(
        facts=CARDS, logs={"visits": RELATIONS}, total="98.3", says=("88.9", BORNE_OUT),
        points={"cards": "15.0", "mutual_names": "10.0", "telephones": "9.4", "visits": "15.0", "help": "10.0",
                "greetings": "8.9"},
    ),
    "customer-relationship-provincial-manager": Worked(
        facts=CARDS, logs={"visits": relations("customer-relationship-provincial-manager")}, total="98.3",
        points={"cards": "20.0", "mutual_names": "15.0", "telephones": "9.4", "greetings": "8.9"}, says=(BORNE_OUT,),
    ),
    "customer-relationship-commercial-supervisor": Worked(
        facts=CARDS, logs={"visits": relations("customer-relationship-commercial-supervisor")}, total="98.3",
        points={"cards": "10.0", "telephones": "9.4", "visits": "15.0", "help": "15.0", "information": "20.0"},
    ),
    "customer-relationship-terminal-supervisor": Worked(
        facts=f"{CARDS}\ndisplay,15,20", logs={"visits": relations("customer-relationship-terminal-supervisor")},
        points={"display": "15.0", "telephones": "9.4", "greetings": "8.9"}, total="93.3",
    ),
    "customer-relationship-terminal-staff": Worked(
        facts=f"{CARDS}\ndisplay,15,20\nfeatures,17,20",
        logs={"visits": relations("customer-relationship-terminal-staff")},
        points={"mutual_names": "20.0", "display": "11.2", "features": "18.9"}, total="95.1",
    ),
    "satisfaction-only": Worked(reported=FULL, points={"satisfaction": "80.0"}, total="80.0"),
    "five-dimensions": Worked(
        reported={"knowledge": 66, "delivery": 72, "responsiveness": 78, "advice": 84, "guidance": 90},
        points={"knowledge": "4.0", "delivery": "8.0", "responsiveness": "12.0", "advice": "16.0", "guidance": "20.0"},
        total="60.0",
    ),
}  # fmt: skip


def test_every_shipped_scheme_has_its_worked_number() -> None:
    assert WORKED.keys() == schemes.shipped().keys()


@pytest.fixture(scope="module")
def papers(migrated_sqlite: Path, tmp_path_factory: pytest.TempPathFactory) -> Papers:
    """Every scheme's paper and the text of its PDF in both languages."""
    folder = tmp_path_factory.mktemp("worked")
    shutil.copy(migrated_sqlite, folder / "evenhand.sqlite")
    app = create_app(settings_for(folder, f"sqlite:///{folder / 'evenhand.sqlite'}"))
    script = ScriptInfo(create_app=lambda: app)

    def evenhand(*words: object) -> None:
        done = CliRunner().invoke(main, [str(word) for word in words], obj=script, catch_exceptions=False)
        assert done.exit_code == 0, (words, done.output, done.stderr)

    def bring(kind: str, text: str) -> None:
        path = folder / f"{kind}.csv"
        path.write_text(text, encoding="utf-8")
        evenhand("import", kind, path)

    _bring_everything(bring, evenhand)
    with app.app_context():
        for name, worked in WORKED.items():
            _store_answers(name, worked)
        db.session.commit()
    for name in WORKED:
        evenhand("schemes", "adopt", name)
        evenhand("appraise", name, "--scheme", name, "--rep", name)
    found = {}
    with app.test_request_context(), Press() as press:
        for name in WORKED:
            paper = appraisals.papers(db.session, name, name)[0]
            found[name] = paper, {language: _text(press, paper, language) for language in ("zh", "en")}
        db.engine.dispose()
    return found


def _text(press: Press, paper: Paper, language: str) -> str:
    """In one line; a word that was divided at its hyphen is whole again."""
    pdf = press.print_first(pages_of(paper, language, printed_on=date(2026, 7, 6)))
    text = " ".join(page.extract_text() for page in pypdf.PdfReader(io.BytesIO(pdf)).pages)
    return " ".join(text.replace("\u00a0", " ").split()).replace("- ", "-")


def _bring_everything(bring, evenhand) -> None:  # type: ignore[no-untyped-def]
    hired = {"technical-newcomer-4-6": "2025-11-20"}
    position = {f"customer-relationship-{one}": one.replace("-", " ") for one in VARIANTS}
    rows = [f"{name},张三,{hired.get(name, '')},{position.get(name, '')}" for name in WORKED]
    bring("reps", "\n".join(("code,name,hired_on,position", *rows)))
    bring("territories", "code,name\nN,华北\n")
    bring("customers", "code,name\n" + "".join(f"C{number:02},商行{number:02}\n" for number in range(1, 21)))
    visiting = [name for name in WORKED if name == "key-account" or name.startswith("customer-relationship")]
    served = [(name, f"C{number:02}") for name in visiting for number in range(1, 21)]
    bring(
        "assignments",
        "customer,rep,territory,served_from\n" + "".join(f"{one},{name},N,2025-01-01\n" for name, one in served),
    )
    for name, worked in WORKED.items():
        evenhand("period", "add", name, "--from", worked.days[0], "--to", worked.days[1])
    facts = [f"{name},{name},{row}" for name, worked in WORKED.items() for row in worked.facts.splitlines()]
    bring("facts", "\n".join(("period,rep,indicator,value,target", *facts)))
    agreed = [
        f"{name},{name},{row.split(',')[0]},,{row.split(',')[1]},not_measured"
        for name, worked in WORKED.items()
        for row in worked.unmeasured.splitlines()
    ]
    bring("facts", "\n".join(("period,rep,indicator,value,target,missing", *agreed)))
    happened = [
        f"{name},{name},{worked.days[0] + timedelta(days=day)},{row}event {day}"
        for name, worked in WORKED.items()
        for day, row in enumerate(worked.events.splitlines())
    ]
    bring("events", "\n".join(("period,rep,on,category,points,fact", *happened)))
    for worked in WORKED.values():
        for kind, text in (worked.logs or {}).items():
            bring(kind, text)


def _store_answers(name: str, worked: Worked) -> None:
    """The last run of a period, as scoring would have stored it."""
    if worked.reported is None:
        return
    session, at = db.session, datetime(2026, 7, 1, tzinfo=UTC)
    period = session.scalars(select(Period).where(Period.code == name)).one()
    rep = session.scalars(select(Rep).where(Rep.code == name)).one()
    sheet = questionnaires.newest(session, "core")
    campaign = Campaign(
        code=name, period_id=period.id, questionnaire_version_id=sheet.id, opens_on=period.to_on,
        closes_on=period.to_on, asked_about={}, state="closed",
    )  # fmt: skip
    run = Run(
        period_id=period.id, spec=SPEC, spec_hash="0" * 64, fingerprint="0" * 64, snapshot=b"",
        record={"policy": "pooled"}, created_at=at, by="command line",
    )  # fmt: skip
    session.add_all([campaign, run])
    session.flush()
    for item, reported in worked.reported.items():
        session.add(
            RepScore(
                run_id=run.id, rep_id=rep.id, item=item, responses=40, customers=36, evidence="full", raw=85.0,
                mix=0.5, territory=0.5, centring=0.0, adjusted=86.0, se=2.0, df=40.0, low=82.0, high=90.0,
                reliability=0.8, reported=reported, reported_sd=2.0, peer=reported, company=reported, case="A",
                component=0, fragile=False,
            )
        )  # fmt: skip


@pytest.mark.parametrize("name", WORKED)
def test_the_worked_number_stands_on_paper(papers: Papers, name: str) -> None:
    paper, texts = papers[name]
    statement, text = paper.statement, texts["en"]
    worked = WORKED[name]
    printed = {part.code: part.printed for part in statement.indicators}
    assert {code: printed[code] for code in worked.points} == worked.points
    assert statement.outcome.printed == worked.total
    late = "the scheme was not adopted before the period began"
    for shown in (*worked.points.values(), worked.total, *worked.says, late):
        assert shown in text, f"{shown} is not on paper"


@pytest.mark.parametrize("language", ["zh", "en"])
@pytest.mark.parametrize("name", WORKED)
def test_every_number_on_paper_is_a_stored_one(papers: Papers, name: str, language: str) -> None:
    paper, texts = papers[name]
    assert not strangers(paper, texts[language])
    assert not [
        part.code for part in paper.statement.outcome.parts if part.printed.replace("-", "−") not in texts[language]
    ]
