"""Bad input, everywhere: every form there is gets what no form should get, and every address what is no address.

The forms are found the way people find them: each role signs in and follows the links. A form is then sent with nothing
in it, with the same wrong thing in every field, with lists where one word belongs, and as something that is no form at
all. The answer is never the machine's failing; a refusal is a sentence for people and leaves nothing written.
"""

from __future__ import annotations

import io
import re
from collections import defaultdict
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import date, timedelta
from html.parser import HTMLParser
from typing import Any
from urllib.parse import quote, urlencode, urlsplit

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import Engine, event, select, update
from sqlalchemy.orm import Session
from werkzeug.exceptions import HTTPException
from werkzeug.test import TestResponse

from survey import campaigns, interviews, invitations, users
from survey.config import Settings
from survey.context import db, now
from survey.invitations import delivery, exclusions, links
from survey.models.answering import Interview, Response
from survey.models.asking import Invitation
from survey.models.company import Period
from survey.models.facts import Goal, LossDiagnosis
from survey.models.roster import Assignment, Contact, Customer, Rep
from survey.models.sending import OutboxMessage
from survey.questionnaires.sheet import Reply
from survey.roster import checks
from survey.users import passwords
from survey.views import previewing
from tests.asking import BY, CORE, hidden, plan

BOSS, REP, CALLER = "boss@h.example", "r01@h.example", "caller@h.example"
ADDRESSES_A_RULE = 8
"""Of each kind of page, so many are opened in search of forms."""

WRONG: dict[str, str | bytes] = {
    "blank": " ",
    "null": "null",
    "a list": "[]",
    "10 kB": "x" * 10_000,
    "NUL": "a\x00b",
    "control and direction marks": "\x1b[31m\u202eabc\u2066\x7f",
    "a huge number": "9" * 400,
    "out of scale": "-1",
    "not a number": "NaN",
    "beyond any float": "1e999",
    "script and SQL": "'; DROP TABLE rep; --<script>alert(1)</script>${7*7}",
    "no UTF-8": b"\xff\xfe\xc0",
    "a day that never was": "2026-02-30",
}
ALONE = ("control and direction marks", "NUL", "a huge number")
"""What each field also gets on its own, all others as the page had them."""
FIELDS_ALONE = 3
LONG_COMMENT = "长" * 34_000  # 100 kB as UTF-8

ELSEWHERE = {
    "int": ("0", "999999", str(2**31), "9" * 30, "-1", "null", "1.5"),
    "": ("nobody", "null", "[]", "x" * 10_000, "%00", "%E2%80%AE", "%ff", "..", "%0d%0aSet-Cookie:x"),
}
ENDS = (
    "campaigns.close", "importing.undo", "preferences.wish", "answering.wrong_person", "account.chosen",
    "people.change", "people.act", "account.change", "security.logout", "account.sign_out_everywhere",
)  # fmt: skip
"""What ends something for the rest is tried last, in this order."""


@dataclass(slots=True)
class Form:
    """A form as a page had it: name → value of every field, files apart."""

    action: str
    page: str
    fields: dict[str, str] = field(default_factory=dict)
    files: set[str] = field(default_factory=set)


class Forms(HTMLParser):
    """The forms that post, and the addresses linked to."""

    def __init__(self, page: str, markup: str) -> None:
        super().__init__()
        self.page, self.forms, self.links = page, [], set()
        self._form: Form | None = None
        self._select = ""
        self.feed(markup)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = {name: value or "" for name, value in attrs}
        if tag == "a":
            self.links.add(given.get("href", ""))
        if tag == "form":
            posts = given.get("method", "").lower() == "post"
            self._form = Form(action=given.get("action") or self.page, page=self.page) if posts else None
            self.forms += [self._form] if self._form else []
        if self._form is None:
            return
        name = given.get("name", "")
        if tag in {"input", "textarea", "button"} and name:
            if given.get("type") == "file":
                self._form.files.add(name)
            elif given.get("type") not in {"radio", "checkbox"} or "checked" in given or name not in self._form.fields:
                self._form.fields[name] = given.get("value", "")
        if tag == "select":
            self._select = name
        if tag == "option" and self._select and ("selected" in given or self._select not in self._form.fields):
            self._form.fields[self._select] = given.get("value", "")

    def handle_endtag(self, tag: str) -> None:
        if tag == "form":
            self._form = None
        if tag == "select":
            self._select = ""


class Written:
    """What was written and committed since it was last asked. Misses of links are counted by design."""

    def __init__(self, engine: Engine) -> None:
        self.tables: list[str] = []
        event.listen(engine, "before_cursor_execute", self._sees)
        event.listen(engine, "commit", self._keeps)
        event.listen(engine, "rollback", lambda connection: connection.info.pop("written", None))

    def _sees(self, connection: Any, _cursor: Any, statement: str, *_rest: Any) -> None:
        found = re.match(r"\s*(?:INSERT INTO|UPDATE|DELETE FROM) \"?(\w+)", statement)
        if found and found[1] != "token_miss":
            connection.info.setdefault("written", []).append(found[1])

    def _keeps(self, connection: Any) -> None:
        self.tables += connection.info.pop("written", [])

    def take(self) -> list[str]:
        taken, self.tables = self.tables, []
        return taken


@pytest.fixture
def written(app: Flask, session: Session) -> Written:
    return Written(db.engine)


@dataclass(frozen=True, slots=True, kw_only=True)
class World:
    """Paths of links: one that works, one whose survey has closed, one taken back; what a stranger may open; where a
    call that made somebody unhappy and a rep's check go on."""

    good: str
    closed: str
    revoked: str
    pages: tuple[str, ...]
    call: str
    check: str


@pytest.fixture
def world(
    session: Session,
    settings: Settings,
    kelon: object,
    client: FlaskClient,
    person: Callable[..., str],
    bring: Callable[..., object],
) -> World:
    """Something of everything: a proposed appraisal, facts, an open campaign with calls, exclusions and trouble, …"""
    at = now()
    for role, email in (
        ("administrator", "admin@h.example"), ("reviewer", "hr@h.example"), ("manager", BOSS), ("rep", REP),
        ("interviewer", CALLER), ("administrator", "second@h.example"),
    ):  # fmt: skip
        person(role, email)
    rep = session.scalars(select(Rep).where(Rep.code == "R01")).one()
    served = select(Customer).join(Assignment).where(Assignment.rep_id == rep.id).order_by(Customer.id).limit(7)
    for place, customer in enumerate(session.scalars(served).all()):
        session.add(
            Contact(
                customer_id=customer.id, name=f"王芳{place}", email=f"c{place}@c.example", language="zh",
                phone=f"+86138001380{place:02}",
            )
        )  # fmt: skip
    session.add(Period(code="2026-H2", from_on=date(2026, 7, 1), to_on=date(2026, 12, 31)))
    session.flush()
    _facts(session, rep)
    made = {code: _asked(session, settings, code) for code in ("OLD", "S1")}
    old = campaigns.named(session, "OLD")
    campaigns.close(session, old, by=BY, at=at)
    campaign = campaigns.named(session, "S1")
    good, taken_back, mistaken, *rest = made["S1"]
    invitations.revoke(session, session.get_one(Invitation, taken_back[1]), reason="x", by=BY, at=at)
    bounced = session.scalars(select(OutboxMessage).where(OutboxMessage.invitation_id == mistaken[1])).one()
    bounced.state, bounced.last_error, bounced.invitation.disposition = "failed", "550 no such user", "bounced"
    by_wechat = session.scalars(select(OutboxMessage).where(OutboxMessage.invitation_id == rest[0][1])).one()
    by_wechat.channel, by_wechat.state, by_wechat.taken_by = "wechat", "claimed", "admin@h.example"
    by_wechat.lease_until = at + timedelta(minutes=15)
    interviews.hand_out(session, campaign, [CALLER], by=BY, at=at)
    call = session.scalars(select(Interview).order_by(Interview.id.desc())).first()
    assert call is not None
    said = {call.invitation.subjects[0].id: {"knowledge": Reply(state="answered", value=1)}}
    interviews.complete(session, call, said, nonce="by phone", language="zh", by=CALLER, at=at)
    whom = session.get_one(Invitation, rest[0][1]).customer.code
    exclusions.propose(session, campaign, whom, reason="liquidated", by="second@h.example", at=at)
    delivery.pause(session, plan(session, "P1", at=at), by=BY, at=at)
    campaigns.create(
        session, "D1", period="2026-H1", questionnaire="core", opens_on=at.date(),
        closes_on=at.date() + timedelta(days=9), by=BY, at=at,
    )  # fmt: skip
    check = checks.ask(session, "2026-H2", on=at.date(), by=BY, at=at)
    session.flush()
    call_id, check_id = call.id, check.id
    checks.object_to(session, check.id, assignment_id=None, reason="one is missing", on=at.date(), by=REP, at=at)
    newcomer = users.create(
        session, email="new@h.example", name="New", role="rep", password_hash=None, by=BY, at=at
    )  # fmt: skip
    session.commit()
    bring("territories", "code,name\nT9,九区\n")
    key = settings.secret_key.get_secret_value()
    password_link = f"/choose-password/{passwords.Links(key=key).mint(newcomer, 'invited', at=at)}"
    session.rollback()
    unhappy, kept = good[0], rest[1][0]
    sheet = {f"{item}-1": value for item, value in {**CORE, "knowledge": "1"}.items()}
    thanks = client.post(unhappy, data={**hidden(client.get(unhappy).text), **sheet}).location
    mark = thanks.split("ask=")[1]
    client.post(f"{unhappy}/contact?ask={mark}", data={"contact": "yes"})
    session.execute(update(Response).values(first_answered_at=at - timedelta(hours=25)))
    session.commit()
    client.post(kept, data={**hidden(client.get(kept).text), **sheet, "save": "1"})
    second = rest[2][0]
    mark = client.post(second, data={**hidden(client.get(second).text), **sheet}).location.split("ask=")[1]
    return World(
        good=kept, closed=made["OLD"][0][0], revoked=taken_back[0], call=f"/interviews/{call_id}/contact",
        check=f"/my-customers/{check_id}/right",
        pages=(
            "/", "/forgotten-password", password_link, kept, f"{kept}/draft", f"{kept}/wrong-person", f"{kept}/stop",
            f"{second}/thanks?ask={mark}",
        ),
    )  # fmt: skip


def _facts(session: Session, rep: Rep) -> None:
    period = session.scalars(select(Period).where(Period.code == "2026-H1")).one()
    session.add(
        LossDiagnosis(
            period_id=period.id, rep_id=rep.id, losses=[3, 4], causes=["support"], finding="late spares", exempted=0,
            opened_at=now(), opened_by=BOSS, answered_at=now(), answered_by=BOSS,
        )
    )  # fmt: skip
    session.add(
        Goal(
            period_id=period.id, rep_id=rep.id, text="完成100个新客户签约", target=100, unit="个",
            due_on=date(2026, 6, 30), proposed_by=BOSS,
        )
    )  # fmt: skip
    session.flush()


def _asked(session: Session, settings: Settings, code: str) -> list[tuple[str, int]]:
    """Everybody asked in a campaign that asks whoever it finds: path of the link, and the invitation's id."""
    campaign = plan(session, code, at=now())
    campaign.rest_days = 0
    invitations.invite(session, campaign, by=BY, at=now())
    made = links.printed(session, campaign.id, code, keys=settings.token_keys, by=BY, at=now())
    return [(f"/s/{token}", invitation.id) for invitation, token in made]


@dataclass(frozen=True, slots=True, kw_only=True)
class Sender:
    """Sends as one person, and looks at what comes back."""

    app: Flask
    client: FlaskClient
    written: Written
    faults: list[str] = field(default_factory=list)

    def endpoint(self, path: str, method: str = "POST") -> str:
        try:
            return str(self.app.url_map.bind("localhost").match(urlsplit(path).path, method=method)[0])
        except HTTPException:
            return ""

    def send(self, path: str, what: str, **request: Any) -> None:
        self.written.take()
        told = f"POST {path[:120]} with {what}"
        try:
            answer = self.client.post(path, **request)
        except AssertionError as unsound:
            self.faults.append(f"{told}: {unsound}")
            return
        told = f"{told}: {answer.status_code}"
        kept = self.written.take()
        refused = answer.status_code >= 400 or self._complains()
        if answer.status_code >= 500:
            self.faults.append(told)
        if refused and kept:
            self.faults.append(f"{told} wrote {kept}")
        if answer.status_code >= 400 and not answer.is_json and not _speaks(answer):
            self.faults.append(f"{told} says nothing to people")

    def _complains(self) -> bool:
        """Does the page this leads to begin with an error?"""
        with self.client.session_transaction() as cookie:
            return any(category == "error" for category, _ in cookie.pop("_flashes", []))


def _speaks(answer: TestResponse) -> bool:
    """Is there a sentence on the page?"""
    words = re.sub(r"<[^>]+>", " ", answer.text.split("<main", 1)[-1])
    return re.search(r"\w.{6,}[.。!！?？]", " ".join(words.split())) is not None


def _found(sender: Sender, starts: tuple[str, ...]) -> dict[str, Form]:
    """Endpoint → one form that posts to it, the one with the most fields, by following every link."""
    forms: dict[str, Form] = {}
    seen: dict[str, set[str]] = defaultdict(set)
    waiting = list(starts)
    while waiting:
        path = waiting.pop(0)
        endpoint = sender.endpoint(path, "GET")
        if not endpoint or path in seen[endpoint] or len(seen[endpoint]) >= ADDRESSES_A_RULE or endpoint == "static":
            continue
        seen[endpoint].add(path)
        answer = sender.client.get(path)
        if answer.status_code in {301, 302, 303}:
            waiting.append(answer.location)
        if answer.mimetype != "text/html":
            continue
        page = Forms(path, answer.text)
        waiting += sorted(link for link in page.links if link.startswith("/"))
        for form in page.forms:
            known = forms.get(target := sender.endpoint(form.action))
            if known is None or len(form.fields) > len(known.fields):
                forms[target] = form
    return forms


def _bodies(form: Form) -> Iterator[tuple[str, dict[str, Any]]]:
    """What is sent instead of what the form is for, each with the form's own proof that its page was open."""
    proof = {name: value for name, value in form.fields.items() if name in {"csrf_token", "nonce", "language"}}
    names = [*(name for name in form.fields if name not in proof), *form.files]
    yield "nothing", {"data": proof}
    for what, wrong in WRONG.items():
        yield what, _encoded({**proof, **dict.fromkeys(names, wrong)})
    for name in names[:FIELDS_ALONE]:
        for what in ALONE:
            yield f"{what} in {name}", _encoded({**form.fields, name: WRONG[what]})
    yield "two of each", {"data": {**proof, **{name: ["1", "2"] for name in names}}}
    yield "a 100 kB comment", {"data": {**form.fields, **dict.fromkeys(names[-2:], LONG_COMMENT)}}
    yield "fields nobody asked for", {"data": {**form.fields, "role": "administrator", "id": "1", "constructor": "1"}}
    header = {"X-CSRFToken": proof.get("csrf_token", "")}
    yield "JSON", {"json": form.fields, "headers": header}
    yield "plain text", {"data": urlencode(form.fields), "content_type": "text/plain", "headers": header}
    yield (
        "a broken upload",
        {"data": b"--x\r\nhalf", "content_type": "multipart/form-data; boundary=y", "headers": header},
    )
    yield "no proof", {"data": {name: value for name, value in form.fields.items() if name != "csrf_token"}}
    yield (
        "another's proof",
        {"data": {**form.fields, **{name: "forged" for name in ("csrf_token", "nonce") if name in proof}}},
    )


def _encoded(fields: dict[str, str | bytes]) -> dict[str, Any]:
    pairs = "&".join(f"{quote(name)}={quote(value)}" for name, value in fields.items())
    return {"data": pairs, "content_type": "application/x-www-form-urlencoded"}


def _places(app: Flask) -> dict[str, list[str]]:
    """Endpoint of everything that writes → addresses of its kind that lead nowhere."""
    strange: dict[str, list[str]] = {}
    for rule in app.url_map.iter_rules():
        if not rule.arguments or "POST" not in (rule.methods or set()):
            continue
        filled = re.sub(r"<(?:(\w+):)?(\w+)>", lambda place: f"\x01{place[1] or ''}\x01", rule.rule)
        pieces = filled.split("\x01")
        ways = max(len(ELSEWHERE["int" if kind == "int" else ""]) for kind in pieces[1::2])
        strange[rule.endpoint] = [
            "".join(
                piece
                if number % 2 == 0
                else (choices := ELSEWHERE["int" if piece == "int" else ""])[way % len(choices)]
                for number, piece in enumerate(pieces)
            )
            for way in range(ways)
        ]
    return strange


def test_every_form_there_is_survives_what_no_form_should_get(
    app: Flask,
    world: World,
    written: Written,
    make_client: Callable[[], FlaskClient],
    sign_in: Callable[[str], FlaskClient],
) -> None:
    app.config["PROPAGATE_EXCEPTIONS"] = False  # what fails is told at the end, all of it
    wanted = {
        rule.endpoint
        for rule in app.url_map.iter_rules()
        if (rule.methods or set()) & {"POST", "PUT", "PATCH", "DELETE"}
    }
    sent: set[str] = set()
    last: list[tuple[Sender, Form]] = []
    faults: list[str] = []
    strange = _places(app)
    people = ("hr@h.example", BOSS, REP, CALLER)
    office = sign_in("admin@h.example")
    token = Forms("", office.get("/roster/import").text).forms[0].fields["csrf_token"]
    file = (io.BytesIO("code,name\nT8,八区\n".encode()), "own.csv")
    upload = office.post("/roster/import", data={"csrf_token": token, "kind": "territories", "file": file}).location
    half_in = sign_in("second@h.example")
    with half_in.session_transaction() as cookie:
        del cookie["second_factor"]
    with app.test_request_context():
        preview = previewing.link("core", 1)
    by_hand: dict[str, dict[str, dict[str, str]]] = {  # what no page of this world leads to
        "stranger": {
            "/first-run": {"email": "a@h.example", "password": "x"},
            f"{preview}/stop": {"List-Unsubscribe": "One-Click"},
        },
        "office": {"/settings/test/sms": {"phone": ""}, "/health/backup": {}, f"{upload}/as": {"kind": "reps"}},
        BOSS: {
            "/facts/R01/goals/1/reached?period=2026-H1": {"done": "", "reason": ""},
            "/facts/R01/plan/1/outcome?period=2026-H1": {"outcome": "", "outcome_note": "", "support_given_on": ""},
            "/facts/R01/provisions/1/given?period=2026-H1": {"done_on": "", "result": "", "reason": ""},
        },
        REP: {
            "/facts/R01/plan/1/agreement?period=2026-H1": {"consent": ""},
            "/facts/R01/notes/1/reply?period=2026-H1": {"reply": ""},
            "/facts/R01/summary?period=2026-H1": {"reached": "", "hard": "", "better": "", "send": ""},
            world.check: {},
            "/account/sessions/999999/end": {},  # nobody's: one's own is needed still
        },
        "hr@h.example": {
            "/targets": dict.fromkeys(("period", "base"), "2026-H1") | {"plan": "1", "blend": "50", "limit": "25"}
        },
        CALLER: {world.call: {"contact": ""}},
    }
    visitors = [
        ("stranger", make_client(), world.pages), ("half in", half_in, ("/second-factor",)),
        ("office", office, ("/", "/verify", upload)),
        *((email, sign_in(email), ("/", "/facts/R01?period=2026-H1")) for email in people),
    ]  # fmt: skip
    for name, client, starts in visitors:
        sender = Sender(app=app, client=client, written=written, faults=faults)
        found = _found(sender, starts)
        token = next((form.fields["csrf_token"] for form in found.values() if "csrf_token" in form.fields), "")
        for path, fields in by_hand.get(name, {}).items():
            form = Form(action=path, page=path, fields={"csrf_token": token, **fields})
            found.setdefault(sender.endpoint(path), form)
        for endpoint, form in found.items():
            if not endpoint or endpoint in sent:
                continue
            sent.add(endpoint)
            if endpoint in ENDS:
                last.append((sender, form))
                continue
            _attack(sender, form, strange.get(endpoint, []))
    for sender, form in sorted(last, key=lambda one: ENDS.index(one[0].endpoint(one[1].action))):
        _attack(sender, form, strange.get(sender.endpoint(form.action), []))
    assert faults == []
    assert sorted(wanted - sent) == [], "nobody found a form that leads there"


def _attack(sender: Sender, form: Form, elsewhere: list[str]) -> None:
    for what, request in _bodies(form):
        sender.send(form.action, what, **request)
    for address in elsewhere:
        sender.send(address, "a good form in a wrong place", data=form.fields)


def test_no_page_of_a_customer_takes_a_token_that_is_not_good(
    app: Flask, world: World, written: Written, client: FlaskClient
) -> None:
    """Unknown or no token at all: 404, after thirty of them 429. Closed or taken back: 410, but for the page that ends
    the mail, which works as long as the mail is kept: it is told nothing here, and says so."""
    form = {**hidden(client.get(world.good).text), **{f"{item}-1": value for item, value in CORE.items()}}
    posts = [
        rule.rule
        for rule in app.url_map.iter_rules()
        if rule.rule.startswith("/s/<token>") and "POST" in (rule.methods or set())
    ]
    assert len(posts) >= 5
    tokens = {world.closed[3:]: 410, world.revoked[3:]: 410}
    tokens |= dict.fromkeys(
        ("0" * 26, "null", "[]", "x" * 10_000, "%00", world.good[3:-1], world.good[3:].upper()), 404
    )
    written.take()
    for rule in posts:
        for token, expected in tokens.items():
            answer = client.post(rule.replace("<token>", token), data=form)
            ends_mail = rule.endswith("/stop") and expected == 410
            assert answer.status_code in {400 if ends_mail else expected, 429 if expected == 404 else expected}, rule
            assert written.take() == [], f"{rule} with {token[:30]}"
