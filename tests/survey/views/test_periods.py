"""A period's page: from answers to papers by buttons, and what it says of the work meanwhile."""

from __future__ import annotations

import io
from collections.abc import Callable

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import select
from sqlalchemy.orm import Session
from werkzeug.test import TestResponse

from survey import orders, schemes
from survey.context import now as clock
from survey.models.appraising import Appraisal, SchemeVersion
from survey.models.company import Period
from survey.models.orders import WorkOrder
from survey.refusals import Refused
from survey.worker.orders import archive_of
from tests.conftest import SPEC, Scored

from .conftest import Page

pytestmark = pytest.mark.parametrize("engine_name", ["sqlite"])


@pytest.fixture
def reviewer(person: Callable[..., str], sign_in: Callable[..., FlaskClient]) -> FlaskClient:
    return sign_in(person("reviewer", "hr@harbour.example"))


def _post(client: FlaskClient, path: str, **fields: object) -> TestResponse:
    token = Page(client.get("/periods").text).token
    return client.post(path, data={**fields, "csrf_token": token}, content_type="multipart/form-data")


def _only(session: Session) -> WorkOrder:
    session.expire_all()
    return session.scalars(select(WorkOrder).order_by(WorkOrder.id.desc())).first()  # type: ignore[return-value]


def test_a_new_period_is_added_in_the_browser(session: Session, reviewer: FlaskClient) -> None:
    answer = _post(reviewer, "/periods", code="2027-H1", from_on="2027-01-01", to_on="2027-06-30")
    assert answer.status_code == 303
    assert "2027-H1" in reviewer.get(answer.location).text
    wrong = _post(reviewer, "/periods", code="2027-H2", from_on="2027-12-31", to_on="2027-07-01")
    assert wrong.status_code == 400
    assert session.scalars(select(Period.code)).all() == ["2027-H1"]


def test_scoring_is_asked_for_and_the_page_says_how_it_stands(
    session: Session, scored: Scored, reviewer: FlaskClient
) -> None:
    period = session.scalars(select(Period).where(Period.code == "2026-H1")).one()
    address = f"/periods/{period.id}"
    page = Page(reviewer.get(f"{address}?lang=en").text).text
    assert "as last time" in page, "the spec of the last run is the company's own"
    assert _post(reviewer, f"{address}/score", spec="own").status_code == 303
    order = _only(session)
    assert (order.kind, order.state, order.asked_by) == ("score", "waiting", "hr@harbour.example")
    assert order.told["spec"] == SPEC
    assert "Waiting for a worker" in Page(reviewer.get(f"{address}?lang=en").text).text
    assert _post(reviewer, f"{address}/score", spec="own").status_code == 400, "one at a time"
    orders.fail(order, Refused("There is no run %(run)s.", run=7), at=clock())
    session.commit()
    assert "There is no run 7." in Page(reviewer.get(f"{address}?lang=en").text).text
    assert "没有第 7 次计分" in Page(reviewer.get(f"{address}?lang=zh").text).text


def test_a_spec_may_come_as_a_file_and_its_mistakes_are_told(
    session: Session, scored: Scored, reviewer: FlaskClient
) -> None:
    period = session.scalars(select(Period).where(Period.code == "2026-H1")).one()
    for content in (b"", b"\xff\xfe", b"nonsense = [", b"x" * 70_000):
        answer = _post(
            reviewer, f"/periods/{period.id}/score", spec="file", file=(io.BytesIO(content), "spec.toml")
        )  # fmt: skip
        assert answer.status_code == 400
        assert Page(answer.text).text
    assert session.scalars(select(WorkOrder)).all() == []
    ours = SPEC.replace("minimum_customers = 5", "minimum_customers = 8")
    assert (
        _post(
            reviewer, f"/periods/{period.id}/score", spec="file", file=(io.BytesIO(ours.encode()), "a.toml")
        ).status_code
        == 303
    )  # fmt: skip
    assert _only(session).told["spec"] == ours


def test_appraisals_are_drawn_up_under_an_adopted_scheme_and_the_papers_fetched(
    app: Flask, session: Session, scored: Scored, reviewer: FlaskClient
) -> None:
    period = session.scalars(select(Period).where(Period.code == "2026-H1")).one()
    address = f"/periods/{period.id}"
    assert _post(reviewer, f"{address}/print", language="zh").status_code == 400, "there is nothing to print"
    assert "Adopt a scheme first" in reviewer.get(f"{address}?lang=en").text
    schemes.adopt(session, schemes.shipped()["taiwan-six"], by="a", at=clock())
    session.commit()
    assert _post(reviewer, f"{address}/appraise", scheme="taiwan-six").status_code == 303
    assert _only(session).told == {"scheme": "taiwan-six", "version": 1, "draft": False}
    version = session.scalars(select(SchemeVersion)).one()
    session.add(
        Appraisal(
            number="A-1", revision=1, period_id=period.id, rep_id=1, scheme_version_id=version.id, state="proposed",
            outcome={}, statement={}, snapshot_hash="", drawn_up_at=clock(), drawn_up_by="a",
        )
    )  # fmt: skip
    session.commit()
    assert _post(reviewer, f"{address}/print", language="zh").status_code == 303
    order = _only(session)
    archive = f"{address}/papers/{order.id}.zip"
    assert reviewer.get(archive).status_code == 404
    orders.finish(order, {"printed": 1, "refused": []}, at=clock())
    session.commit()
    archive_of(order.id).parent.mkdir(exist_ok=True)
    archive_of(order.id).write_bytes(b"PK")
    assert archive in Page(reviewer.get(address).text).links
    with reviewer.get(archive) as answer:
        assert answer.get_data() == b"PK"
    other = session.scalars(select(Period).where(Period.code == "2025-H2")).one()
    assert reviewer.get(f"/periods/{other.id}/papers/{order.id}.zip").status_code == 404


def test_an_administrator_has_it_done_and_reads_no_score(
    session: Session, scored: Scored, person: Callable[..., str], sign_in: Callable[..., FlaskClient]
) -> None:
    client = sign_in(person("administrator"))
    period = session.scalars(select(Period).where(Period.code == "2026-H1")).one()
    page = client.get(f"/periods/{period.id}?lang=en")
    assert "Print all" not in page.text
    assert "86.2" not in page.text
    assert _post(client, f"/periods/{period.id}/score", spec="shipped").status_code == 303
    assert _post(client, f"/periods/{period.id}/print", language="zh").status_code == 404
