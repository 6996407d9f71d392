"""Pages of scores: 5,000 reps and 1,000,000 responses in four periods in PostgreSQL, read as reviewers and managers do.

The stored facts are written straight into the tables. Single answers are not: no page of scores reads any.
"""

from __future__ import annotations

import gc
import statistics
import time
from pathlib import Path
from typing import TYPE_CHECKING

from tests.bench.report import Line, Section
from tests.bench.runner import call
from tests.bench.sending import postgres

if TYPE_CHECKING:
    from flask.testing import FlaskClient

    from tests.bench.child import Watch

HERE = "tests.bench.site"
REPS, RESPONSES, READINGS = 5_000, 1_000_000, 40
PERIODS = ("2025-H1", "2025-H2", "2026-H1", "2026-H2")
PASSWORD = "correct horse battery staple"
PAGES = (
    "/team", "/team?sort=-adjusted&page=3", "/team?territory=T07", "/team?search=wang",
    "/team/territories?territory=T07",
    "/team/funnel", "/team/answers", "/team/trend", "/team/adjustment", "/team/pair?rep=R00001&rep=R00251",
    "/reps/R00001",
)  # fmt: skip

SPEC = """
[[item]]
name = "knowledge"
lo = 1
hi = 5
[[item]]
name = "delivery"
lo = 1
hi = 5
[[item]]
name = "responsiveness"
lo = 1
hi = 5
[[item]]
name = "advice"
lo = 1
hi = 5
[[item]]
name = "guidance"
lo = 1
hi = 5
[[item]]
name = "overall"
lo = 1
hi = 5
[[adjuster]]
name = "segment"
kind = "category"
reason = "fixed by the company before the period"
[composite]
name = "satisfaction"
items = ["knowledge", "delivery", "responsiveness", "advice", "guidance", "overall"]
"""

FACTS = (
    """INSERT INTO territory (code, name)
    SELECT 'T' || lpad(CAST(n AS text), 2, '0'), '区域' || n FROM generate_series(1, 30) n""",
    """INSERT INTO rep (code, name, position)
    SELECT 'R' || lpad(CAST(n AS text), 5, '0'), (ARRAY['王','李','张','刘'])[1 + n % 4] || '建国' || n,
      'sales rep' FROM generate_series(1, :reps) n""",
    """INSERT INTO reporting_line (rep_id, manager_email, since_on)
    SELECT id, 'm' || (id % greatest(1, :reps / 20)) || '@bench.example', '2020-01-01' FROM rep""",
    "INSERT INTO customer (code, name) SELECT 'C' || n, '海川商行' || n FROM generate_series(1, :each / 5 + 1) n",
    """INSERT INTO invitation (campaign_id, customer_id, mode, disposition, created_at)
    SELECT c.id, 1 + n % (:each / 5 + 1), 'web', 'completed', now() FROM campaign c, generate_series(1, :each) n""",
    """INSERT INTO subject (invitation_id, rep_id, territory_id, adjusters, served_share)
    SELECT id, 1 + id % :reps, 1 + (id % :reps) % 30, '{}', 1 FROM invitation""",
    "INSERT INTO response (subject_id, first_answered_at, version_no) SELECT id, now(), 1 FROM subject",
    """INSERT INTO rep_score (run_id, rep_id, item, responses, customers, raw, mix, territory, centring, adjusted, se,
      df, low, high, reliability, reported, reported_sd, peer, company, "case", component, fragile, evidence, q,
      effective)
    SELECT run, rep, item, 50, 50, a - 1.5, 1.0, 0.6, -0.1, a, 2.5, 80, a - 5, a + 5, .85, 75 + .85 * (a - 75), 2.2, a,
      a, 'B', 0, false, 'full', random(), 48
    FROM (SELECT r.id AS run, p.id AS rep, i AS item, 75 + 12 * (random() - .5) AS a
      FROM run r, rep p, unnest(CAST(:items AS text[])) i) x""",
    """INSERT INTO score_step (run_id, rep_id, item, adjuster, amount)
    SELECT run_id, rep_id, item, 'segment', 1.0 FROM rep_score""",
    "INSERT INTO rep_place (run_id, rep_id, territory_id) SELECT r.id, p.id, 1 + p.id % 30 FROM run r, rep p",
    "INSERT INTO rep_reach (run_id, rep_id, asked, answered) SELECT r.id, p.id, 120, 50 FROM run r, rep p",
    """INSERT INTO answer_count (run_id, rep_id, item, value, answers)
    SELECT run_id, rep_id, item, v, 10 FROM rep_score, generate_series(1, 5) v WHERE item <> 'satisfaction'""",
    """INSERT INTO run_item (run_id, item, average, customer_variance, dispersion, kendall, spearman, moved_sd)
    SELECT id, i, 75, 400, 3.1, .85, .96, 1.5 FROM run, unnest(CAST(:items AS text[])) i""",
    """INSERT INTO score_change (run_id, rep_id, item, earlier, later, difference, se, low, high, q, common, expected)
    SELECT run_id, rep_id, item, adjusted - 1, adjusted, 1, 2.8, -4.6, 6.6, .6, .2, -.1 FROM rep_score""",
)


def reading(folder: Path) -> Section:
    """Every page of scores, the 95th percentile of its times, first as the reviewer who sees everybody."""
    with postgres(folder) as url:
        read = call(f"{HERE}:read", folder, url, REPS, RESPONSES, READINGS)
    what = f"{len(PAGES)} pages, each {READINGS} times, as reviewer and as manager, {REPS:,} reps, PostgreSQL"
    return Section(
        title="Reading pages of scores", lines=(Line(what=what, measured=read, target="p95 < 200 ms a page"),),
        remarks=read.notes,
    )  # fmt: skip


def read(watch: Watch, folder: str, url: str, reps: str, responses: str, readings: str) -> None:
    """What is measured: the pages, through the application itself; each was read once before."""
    from survey.app import create_app
    from survey.context import db
    from tests.conftest import settings_for

    app = create_app(settings_for(Path(folder), url))
    with app.app_context():
        _store(int(reps), int(responses))
        db.session.close()
    clients = {role: _signed_in(app.test_client(), f"{role}@bench.example") for role in ("reviewer", "m1")}
    for role, client in clients.items():
        for page in PAGES:
            _read(client, page, 1, role)
    gc.freeze()  # as wsgi.py does
    with watch:
        times = {
            (role, page): _read(client, page, int(readings), role) for role, client in clients.items() for page in PAGES
        }
    for (role, page), (seconds, size) in times.items():
        late = statistics.quantiles(seconds, n=20)[-1] if len(seconds) > 1 else seconds[0]
        watch.notes.append(f"{role} {page}: p95 {1000 * late:.0f} ms, {size / 1024:.0f} KB.")
    with app.app_context():
        db.engine.dispose()


def _read(client: FlaskClient, page: str, times: int, role: str) -> tuple[list[float], int]:
    seconds, size = [], 0
    for _ in range(times):
        begin = time.perf_counter()
        answer = client.get(page)
        size = len(answer.get_data())
        seconds.append(time.perf_counter() - begin)
        if answer.status_code != 200 and role == "reviewer":
            raise SystemExit(f"{page}: {answer.status}")
    return seconds, size


def _signed_in(client: FlaskClient, email: str) -> FlaskClient:
    import re

    form = re.search(r'name="csrf_token"[^>]*value="([^"]+)"', client.get("/login").get_data(as_text=True))
    token = form[1] if form else ""
    answer = client.post("/login", data={"email": email, "password": PASSWORD, "csrf_token": token})
    if answer.status_code != 302:
        raise SystemExit(f"{email} cannot sign in: {answer.status}")
    return client


def _store(reps: int, responses: int) -> None:
    from datetime import date

    from flask_security import hash_password
    from sqlalchemy import text

    from survey import questionnaires, users
    from survey.app import alembic
    from survey.context import db, now
    from survey.models.asking import Campaign
    from survey.models.company import Period
    from survey.models.scoring import Run

    alembic.upgrade()
    session = db.session
    for email, role in (("reviewer@bench.example", "reviewer"), ("m1@bench.example", "manager")):
        users.create(
            session, email=email, name=role, role=role, password_hash=hash_password(PASSWORD), by="bench", at=now()
        )
    sheet = questionnaires.newest(session, "core")
    before: int | None = None
    for number, code in enumerate(PERIODS):
        first = date(2025 + number // 2, 1 if number % 2 == 0 else 7, 1)
        last = date(first.year, 6, 30) if first.month == 1 else date(first.year, 12, 31)
        period = Period(code=code, from_on=first, to_on=last)
        session.add(period)
        session.flush()
        session.add(
            Campaign(
                code=code, period_id=period.id, questionnaire_version_id=sheet.id, opens_on=last, closes_on=last,
                asked_about={}, state="closed",
            )
        )  # fmt: skip
        run = Run(
            period_id=period.id, spec=SPEC, spec_hash="0" * 64, fingerprint="0" * 64, snapshot=b"", created_at=now(),
            record={"policy": "pooled", "items": {}}, by="bench", earlier_run_id=before,
        )  # fmt: skip
        session.add(run)
        session.flush()
        before = run.id
    items = ["satisfaction", "knowledge", "delivery", "responsiveness", "advice", "guidance", "overall"]
    given = {"reps": reps, "each": responses // len(PERIODS), "items": items}
    for statement in FACTS:
        wanted = {name: value for name, value in given.items() if f":{name}" in statement}
        session.execute(text(statement), wanted)
    session.commit()
    with db.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as looking:
        looking.execute(text("VACUUM ANALYZE"))  # as the server does by itself before long
