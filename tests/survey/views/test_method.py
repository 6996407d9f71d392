"""The page about how a run was made, and what can be taken away of it."""

from __future__ import annotations

import csv
import io
import json
import re
from collections.abc import Callable

import pytest
from flask.testing import FlaskClient
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from survey.models.roster import Rep
from survey.models.scoring import RepScore, Run, ScoreStep
from tests.survey.views.conftest import Page

BOM = b"\xef\xbb\xbf"


@pytest.fixture
def auditor(run: Run, person: Callable[..., str], sign_in: Callable[[str], FlaskClient]) -> FlaskClient:
    return sign_in(person("auditor"))


def _rows(client: FlaskClient, address: str) -> list[dict[str, str]]:
    answer = client.get(address)
    assert answer.status_code == 200
    assert answer.get_data().startswith(BOM)
    return list(csv.DictReader(io.StringIO(answer.get_data().decode("utf-8-sig"))))


def test_an_auditor_reads_what_the_run_stored(auditor: FlaskClient, run: Run, look: Callable[..., Page]) -> None:
    text = look(auditor.get("/method/?lang=en&item=delivery")).text
    of_item = run.record["items"]["delivery"]
    slope = of_item["coefficients"]["segment[standard]"]
    assert f"customer segment standard {'−' if slope['estimate'] < 0 else ''}{abs(slope['estimate']):.2f}" in text
    variance = of_item["sigma2_rep"]
    assert f"between reps {variance['estimate']:.2f} {variance['low']:.2f} to {variance['high']:.2f}" in text
    assert f"the largest difference is {of_item['gls']['largest_difference']:.1e}. It agrees." in text
    mundlak = of_item["tests"]["mundlak"]
    assert f"F = {mundlak['f']:.2f} on {round(mundlak['df1'])} and {round(mundlak['df2'])} degrees" in text
    assert run.spec_hash in text
    assert run.fingerprint in text
    assert "new and won-back customers expect and rate differently" in text
    assert f"evenhand score recompute {run.id}" in text


def test_every_finding_is_said_in_the_readers_language(
    auditor: FlaskClient, run: Run, look: Callable[..., Page]
) -> None:
    of_items = [one for item in run.record["items"].values() for one in item["findings"]]
    found = [*run.record["findings"], *of_items]
    assert len({one["name"] for one in found}) > 3
    english = " ".join(look(auditor.get(f"/method/?lang=en&item={item}")).text for item in run.record["items"])
    chinese = " ".join(look(auditor.get(f"/method/?lang=zh&item={item}")).text for item in run.record["items"])
    assert "新客户和重新赢回的客户期望不同" in chinese
    assert chinese.count("won-back customers") == len(run.record["items"])  # in the spec as it was frozen alone
    for one in found:
        told = max(re.split(r"%\(\w+\)\S+", one["sentence"].replace("%%", "%")), key=len).strip()
        assert told in english
        assert told not in chinese


def test_levels_that_could_tell_a_withheld_score_are_left_out(
    auditor: FlaskClient, run: Run, session: Session, look: Callable[..., Page]
) -> None:
    page = look(auditor.get("/method/?lang=en"))
    assert "a score of this item is withheld, and they could tell it" in page.text
    told = json.loads(auditor.get(f"/method/runs/{run.id}/run.json").get_data())
    for one in told["items"].values():
        assert not {"tau", "mu", "mu_adjusted", "colleague_pull"} & one.keys()
        assert one["sigma2_rep"]
    assert told["spec_hash"] == run.spec_hash
    for row in session.scalars(select(RepScore)):
        row.evidence = "full"
    session.commit()
    assert "Effects of the territories in points" in look(auditor.get("/method/?lang=en")).text
    told = json.loads(auditor.get(f"/method/runs/{run.id}/run.json").get_data())
    assert told["items"]["delivery"]["tau"] == run.record["items"]["delivery"]["tau"]


def test_the_tables_hold_every_number_but_the_withheld_ones(auditor: FlaskClient, run: Run, session: Session) -> None:
    rows = _rows(auditor, f"/method/runs/{run.id}/scores.csv")
    kept = {(rep, row.item): row for rep, row in session.execute(select(Rep.code, RepScore).join(RepScore.rep))}
    assert len(rows) == len(kept)
    for row in rows:
        known = kept[row["rep"], row["item"]]
        assert row["evidence"] == known.evidence
        if known.evidence == "withheld":
            assert not any(value for key, value in row.items() if key not in ("rep", "item", "evidence")), row
        else:
            assert float(row["adjusted"]) == known.adjusted
            assert int(row["customers"]) == known.customers
    assert [row["rep"] for row in rows if row["evidence"] == "withheld"]
    steps = _rows(auditor, f"/method/runs/{run.id}/steps.csv")
    assert len(steps) == session.scalar(select(func.count(ScoreStep.id)))
    assert "R10" not in {row["rep"] for row in steps}


def test_the_spec_and_the_prose_come_as_they_are(auditor: FlaskClient, run: Run) -> None:
    answer = auditor.get(f"/method/runs/{run.id}/spec.toml")
    assert answer.get_data(as_text=True) == run.spec
    assert f"run-{run.id}-spec.toml" in answer.headers["Content-Disposition"]
    assert "# From customers' answers" in auditor.get("/method/method.md?lang=en").get_data(as_text=True)
    assert "# 从客户的回答" in auditor.get("/method/method.md?lang=zh").get_data(as_text=True)


@pytest.mark.parametrize("role", ["manager", "rep"])
def test_others_read_the_reasons_and_take_nothing_away(
    run: Run, person: Callable[..., str], sign_in: Callable[[str], FlaskClient], look: Callable[..., Page], role: str
) -> None:
    client = sign_in(person(role))
    page = look(client.get("/method/?lang=en"))
    assert "new and won-back customers expect and rate differently" in page.text
    assert "Withheld below 5 customers" in page.text
    assert run.fingerprint not in page.text
    assert not re.search(r"between reps|degrees of freedom", page.text)
    assert client.get(f"/method/runs/{run.id}/scores.csv").status_code == 404


def test_what_is_not_there(auditor: FlaskClient, run: Run) -> None:
    nothing = "/method/?period=1999", "/method/?item=charm", "/method/runs/99/run.json"
    for address in (*nothing, f"/method/runs/{run.id}/answers.parquet"):
        assert auditor.get(address).status_code == 404, address


def test_before_the_first_run(
    surveyed: object, person: Callable[..., str], sign_in: Callable[[str], FlaskClient], look: Callable[..., Page]
) -> None:
    assert "Not scored yet" in look(sign_in(person("auditor")).get("/method/?lang=en")).text


def test_what_could_not_be_estimated_is_a_dash(
    auditor: FlaskClient, run: Run, session: Session, look: Callable[..., Page]
) -> None:
    """Below eight reps nothing is known of the variance between them; an item nobody answered has no estimate."""
    few = {
        "name": "few_reps", "item": "satisfaction", "count": 7, "fewest": 8, "text": "",
        "sentence": "%(item)s has answers about %(count)s reps; below %(fewest)s the variance between reps is unknown, "
        "so the output is descriptive: no reliability, nothing reported, nothing ranked.",
    }  # fmt: skip
    run.record = {"items": {"satisfaction": {"policy": "company", "findings": [few]}, "delivery": {"findings": []}}}
    session.commit()
    text = look(auditor.get("/method/?lang=en")).text
    assert "Satisfaction has answers about 7 reps; below 8 the variance between reps is unknown" in text
    assert "between reps – –" in text
    assert "was not asked here" in text
    assert auditor.get("/method/?lang=zh&item=delivery").status_code == 200
