"""What is well with this installation, what is not, and how to mend it: for `evenhand doctor` and the health page."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from flask import current_app
from flask_alembic import Alembic
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError, OperationalError

from survey import channels, database, nameserver, orders
from survey.backups import latest
from survey.config import Settings
from survey.context import db, now, settings
from survey.invitations import by_hand, outbox, reports
from survey.invitations.reports import EFFECTS
from survey.nameserver import LookupFailed
from survey.refusals import N_
from survey.users import letters, people

LATE = timedelta(minutes=15)
USUAL_SELECTORS = ("default", "mail", "dkim", "selector1", "s1", "k1", "google")
Texts = Callable[[str], tuple[str, ...]]


@dataclass(frozen=True, slots=True)
class Words:
    """A sentence that can be translated, with what fills its places: values, moments, or words again."""

    sentence: str
    values: dict[str, Any] = field(default_factory=dict)

    def __str__(self) -> str:
        values = {
            name: f"{one:%Y-%m-%d %H:%M} UTC" if isinstance(one, datetime) else one for name, one in self.values.items()
        }
        return self.sentence % values if values else self.sentence


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """One thing looked at: whether it is well, what was seen, and what to do when it is not."""

    name: str
    well: bool
    seen: Words
    remedy: Words = Words("")


def findings(texts: Texts = nameserver.texts) -> list[Finding]:
    """Everything there is to look at, in the order in which one would mend it."""
    try:
        found = [_database(), _tables()]
        if all(finding.well for finding in found):
            found += [_administrator(), _worker(), *_by_hand(), _backup(), _reports()]
    except OperationalError as error:
        found = [_no_database(error)]
    return [*found, _address(), *_mail(texts), _sms()]


def _database() -> Finding:
    engine = db.session.get_bind()
    if engine.dialect.name != "sqlite":
        seen = Words(N_("%(engine)s, durable by its own defaults"), {"engine": engine.dialect.name})
        return Finding(name=N_("database"), well=True, seen=seen)
    mode = db.session.execute(text("PRAGMA journal_mode")).scalar_one()
    level = db.session.execute(text("PRAGMA synchronous")).scalar_one()
    told = {"version": sqlite3.sqlite_version, "level": "FULL" if level == 2 else level}
    sound = N_("SQLite %(version)s: write-ahead log, sound in this version; synchronous=%(level)s")
    older = N_(
        "SQLite %(version)s: rollback journal, because write-ahead logs can be corrupted by versions below 3.51.3; "
        "synchronous=%(level)s"
    )
    return Finding(
        name=N_("database"),
        well=level == 2,
        seen=Words(sound if mode == "wal" else older, told),
        remedy=Words(N_("Nothing outside Evenhand should open this database with other pragmas.")),
    )


def _no_database(error: OperationalError) -> Finding:
    told = database.refusal(error)
    return Finding(
        name=N_("database"),
        well=False,
        seen=Words(told.sentence, told.values) if told else Words(N_("The database cannot be used now.")),
        remedy=Words(N_("See that it runs, and that DATABASE_URL (or EVENHAND_DIR) leads to it.")),
    )


def _tables() -> Finding:
    alembic: Alembic = current_app.extensions["alembic"]
    # Asked in our own session: the library would keep a connection of its own open, and with it a lock.
    try:
        written = set(db.session.scalars(text("SELECT version_num FROM alembic_version")))
    except DBAPIError as error:
        if not isinstance(database.refusal(error), database.TablesMissing):
            raise
        db.session.rollback()
        written = set()
    behind = {head.revision for head in alembic.heads()} != written
    return Finding(
        name=N_("tables"),
        well=not behind,
        seen=Words(N_("older than this version of Evenhand") if behind else N_("up to date")),
        remedy=Words(N_("Run: evenhand db upgrade")),
    )


def _administrator() -> Finding:
    number = people.administrators(db.session)
    return Finding(
        name=N_("administrators"),
        well=number > 0,
        seen=Words(str(number)),
        remedy=Words(
            N_(
                "Open the site with a browser and use the setup code the server printed when it started, or run: "
                "evenhand users create --role administrator --email …"
            )
        ),
    )


def _worker() -> Finding:
    late = outbox.waiting(db.session, by_hand=channels.by_hand(settings()), at=now() - LATE)
    late += letters.waiting(db.session, at=now() - LATE)
    if not late:
        return Finding(name=N_("sending"), well=True, seen=Words(N_("nothing has waited for longer than 15 minutes")))
    return Finding(
        name=N_("sending"),
        well=False,
        seen=Words(N_("letters that have waited for longer than 15 minutes: %(number)s"), {"number": late}),
        remedy=Words(N_("See that the worker runs (evenhand worker) and that the mail server takes mail.")),
    )


def _by_hand() -> Iterator[Finding]:
    """What people of the office have to write is no trouble of any worker's."""
    if not channels.by_hand(settings()):
        return
    waiting = sum(by_hand.waiting_by_campaign(db.session, at=now()).values())
    seen = Words(N_("waiting to be sent by hand: %(number)s"), {"number": waiting})
    yield Finding(name=N_("WeChat messages"), well=True, seen=seen if waiting else Words(N_("none waits")))


def _backup() -> Finding:
    last, told = latest.last(db.session), settings()
    order = orders.newest(db.session, "backup")
    failed = order is not None and order.state == "failed" and not (last and last.at > order.asked_at)
    seen = Words("%(when)s", {"when": last.at}) if last else Words(N_("none was taken yet"))
    if order is not None and failed:
        why = [Words(one["sentence"], one["values"]) for one in order.refusals]
        seen = Words(
            N_("%(before)s; the one after that came to nothing: %(why)s"), {"before": seen, "why": why[0]}
        )  # fmt: skip
    fresh = last is not None and now() - last.at < latest.ENOUGH
    return Finding(
        name=N_("last backup"),
        well=not failed and (fresh or (told.is_demo and told.backup_dir is None)),
        seen=seen,
        remedy=Words(_no_fresh_backup(told, failed=failed)),
    )


def _no_fresh_backup(told: Settings, *, failed: bool) -> str:
    if told.backup_dir is None:
        return N_(
            "Set BACKUP_DIR to a directory of the server, and the worker puts a backup there every night. Have the "
            "files copied to another machine."
        )
    if failed:
        return N_("See that BACKUP_DIR has room and that the worker may write there, then have one taken: Back up now.")
    return N_("See that the worker runs (evenhand worker): it takes a backup every night.")


def _reports() -> Finding:
    file, last = settings().bounce_file, reports.last_reading(db.session)
    name, remedy = N_("delivery reports"), Words(N_("See that the worker runs (evenhand worker): it reads them."))
    if file is None:
        seen = Words(N_("not read by themselves; BOUNCE_FILE names the mailbox file in which they arrive"))
        return Finding(name=name, well=True, seen=seen)
    if last is None or last.file != str(file):
        seen = Words(N_("%(file)s was not read yet"), {"file": file})
        return Finding(name=name, well=False, seen=seen, remedy=remedy)
    told = {"when": last.read_at, "file": file}
    if last.problem is not None:
        why = Words(last.problem["sentence"], last.problem["values"])
        seen = Words(N_("tried to read %(when)s: %(why)s"), told | {"why": why})
        remedy = Words(
            N_("Let the mail server put them into the file BOUNCE_FILE names (mbox), and let the worker read it.")
        )
        return Finding(name=name, well=False, seen=seen, remedy=remedy)
    if not last.mark:
        return Finding(name=name, well=True, seen=Words(N_("none has come; there is no file %(file)s yet"), told))
    effects = {one.replace(" ", "_"): last.effects.get(one, 0) for one in EFFECTS}
    return Finding(name=name, well=True, seen=Words(READ, told | effects))


READ = N_(
    "last read %(when)s: addresses stopped %(stopped)s, letters to be tried again %(tried_again)s, only noted "
    "%(noted)s, read before %(known)s, about no letter of ours %(foreign)s"
)


def _address() -> Finding:
    url = settings().base_url
    local = "//127.0.0.1" in url or "//localhost" in url
    return Finding(
        name=N_("public address"),
        well=url.startswith("https://") or (local and settings().is_demo),
        seen=Words("%(url)s", {"url": url}),
        remedy=Words(N_("Customers' links start with BASE_URL; set it to the https:// address they can reach.")),
    )


def _mail(texts: Texts) -> Iterator[Finding]:
    told = settings()
    if not told.sends_mail:
        yield Finding(
            name=N_("mail"),
            well=told.is_demo,
            seen=Words(N_("written as files to %(folder)s"), {"folder": told.outbox}),
            remedy=Words(N_("No customer is reached this way; set SMTP_HOST, SMTP_USER, SMTP_PASSWORD and MAIL_FROM.")),
        )
        return
    through = {"host": told.smtp_host, "port": told.smtp_port, "sender": told.mail_from}
    yield Finding(
        name=N_("mail"), well=True, seen=Words(N_("from %(sender)s through %(host)s:%(port)s"), through)
    )  # fmt: skip
    domain = told.mail_from.rpartition("@")[2]
    for look in (_spf, _dkim):
        try:
            yield look(domain, texts)
        except LookupFailed:
            name = N_("SPF") if look is _spf else N_("DKIM")
            seen = Words(N_("could not be looked up just now; this says nothing about %(domain)s"), {"domain": domain})
            yield Finding(name=name, well=True, seen=seen)


def _spf(domain: str, texts: Texts) -> Finding:
    policies = [record for record in texts(domain) if record.lower().split(" ")[0] == "v=spf1"]
    remedy = N_(
        "Receivers ask %(domain)s which servers may send for it. Publish one TXT record there that names your mail "
        "server, as its provider tells you: v=spf1 … -all"
    )
    seen = {0: N_("%(domain)s says nothing about who may send for it"), 1: "%(found)s"}
    return Finding(
        name=N_("SPF"),
        well=len(policies) == 1,
        seen=Words(
            seen.get(len(policies), N_("%(domain)s has several SPF records, so receivers heed none")),
            {"domain": domain, "found": policies[0] if policies else ""},
        ),
        remedy=Words(remedy, {"domain": domain}),
    )


def _dkim(domain: str, texts: Texts) -> Finding:
    named = settings().dkim_selector
    for selector in (named,) if named else USUAL_SELECTORS:
        place = f"{selector}._domainkey.{domain}"
        if any("p=" in record and "p=;" not in record.replace(" ", "") for record in texts(place)):
            return Finding(name=N_("DKIM"), well=True, seen=Words(N_("a key stands at %(place)s"), {"place": place}))
    remedy = N_(
        "Letters that are not signed land among unwanted mail. Let the mail server sign them, publish its key at "
        "NAME._domainkey.%(domain)s, and set DKIM_SELECTOR to that NAME."
    )
    seen = N_("no key stands at %(place)s") if named else N_("no key stands under any of the usual names (%(names)s)")
    told = {"place": f"{named}._domainkey.{domain}", "names": ", ".join(USUAL_SELECTORS), "domain": domain}
    return Finding(name=N_("DKIM"), well=False, seen=Words(seen, told), remedy=Words(remedy, told))


def _sms() -> Finding:
    on = bool(settings().sms_url)
    return Finding(name=N_("text messages"), well=True, seen=Words(N_("a gateway is set") if on else N_("not used")))
