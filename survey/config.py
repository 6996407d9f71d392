"""Settings: everything an installation is told from outside, checked together before anything starts."""

from __future__ import annotations

import json
import secrets
from email.headerregistry import Address
from pathlib import Path
from typing import Annotated, Any, Self

from pydantic import (
    AfterValidator,
    BeforeValidator,
    Field,
    SecretStr,
    ValidationError,
    field_validator,
    model_validator,
)
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict
from sqlalchemy.engine import make_url
from sqlalchemy.exc import ArgumentError

DEMO_MARK = "this-is-an-evenhand-demo"
DEMO_KEY_PREFIX = "demo-"


class SettingsRefused(Exception):
    """Some settings are missing or wrong; the message names every one of them."""


def _with_driver(url: str) -> str:
    """`postgres://` and `postgresql://` mean psycopg 3 here."""
    for scheme in ("postgres://", "postgresql://"):
        if url.startswith(scheme):
            return "postgresql+psycopg://" + url.removeprefix(scheme)
    return url


def _known_database(url: str) -> str:
    try:
        known = not url or make_url(url).get_backend_name() in {"sqlite", "postgresql"}
    except ArgumentError:
        known = False
    if not known:
        raise ValueError("write it like postgresql://user:password@host/name, or leave it out for a file of its own")
    return url


def _bare_address(address: str) -> str:
    try:
        Address(addr_spec=address)
    except (ValueError, IndexError):
        raise ValueError(
            "write the address alone, such as survey@example.com; the company's name is put before it"
        ) from None
    return address


def _without_slash(url: str) -> str:
    return url.rstrip("/")


def _address_or_none(address: str) -> str:
    return address and _bare_address(address)


def _gateway(url: str) -> str:
    if url and not url.startswith(("http://", "https://")):
        raise ValueError("start it with https://")
    return url


def _place(told: Any) -> Any:
    """Blank means nowhere. A place is written out whole: a worker's work runs in a directory of its own."""
    return Path(told).expanduser().absolute() if told else None


Place = Annotated[Path | None, BeforeValidator(_place)]


class Settings(BaseSettings):
    """What the environment (or `.env`) says. Secrets have no default: an installation must bring its own."""

    model_config = SettingsConfigDict(env_file=".env", extra="ignore", frozen=True)

    evenhand_dir: Path = Path("var")
    database_url: Annotated[str, AfterValidator(_with_driver), AfterValidator(_known_database)] = ""
    base_url: Annotated[str, AfterValidator(_without_slash)] = "http://127.0.0.1:8000"
    secret_key: SecretStr = Field(min_length=32)
    token_keys: Annotated[dict[str, SecretStr], NoDecode] = Field(
        min_length=1, description='JSON object of key id to secret; the last one signs new links: {"2026a": "…"}'
    )
    smtp_host: str = ""
    smtp_port: int = 587
    smtp_user: str = ""
    smtp_password: SecretStr = SecretStr("")
    smtp_starttls: bool = True
    mail_from: Annotated[str, AfterValidator(_bare_address)] = "survey@localhost"
    bounce_address: Annotated[str, AfterValidator(_address_or_none)] = Field(
        default="", description="where delivery reports arrive, as name+letter@domain; by default MAIL_FROM"
    )
    bounce_file: Place = Field(default=None, description="the mailbox file (mbox) in which they can be read")
    dkim_selector: str = Field(default="", description="the NAME of NAME._domainkey.domain, for evenhand doctor")
    sms_url: Annotated[str, AfterValidator(_gateway)] = ""
    sms_headers: dict[str, SecretStr] = Field(default={}, description="JSON object, such as the gateway's key")
    sms_body: str = Field(default='{"to": "{to}", "text": "{text}", "id": "{id}"}', description="as the gateway asks")
    sms_accepted: str = Field(default="", description='what its answer must contain besides status 200: "code":0')
    own_channels: dict[str, str] = Field(default={}, description='JSON object of name to "module:Class"')
    backup_dir: Place = Field(default=None, description="where the worker puts a backup every night")
    backups_kept: int = Field(default=30, ge=1, description="how many of them stay there")
    trusted_proxies: int = 0
    ratelimit_storage_uri: str = "memory://"

    @field_validator("token_keys", mode="before")
    @classmethod
    def _from_json(cls, keys: Any) -> Any:
        try:
            return json.loads(keys) if isinstance(keys, str) else keys
        except ValueError:
            raise ValueError('write a JSON object of key id to secret, such as {"2026a": "…"}') from None

    @field_validator("token_keys")
    @classmethod
    def _long_enough(cls, keys: dict[str, SecretStr]) -> dict[str, SecretStr]:
        short = [name for name, key in keys.items() if len(key.get_secret_value()) < 32]
        if short:
            raise ValueError(f"key {', '.join(short)}: use at least 32 characters")
        return keys

    @field_validator("base_url")
    @classmethod
    def _absolute(cls, url: str) -> str:
        if not url.startswith(("http://", "https://")):
            raise ValueError("start it with https:// (or http:// on one's own machine)")
        return url

    @model_validator(mode="after")
    def _demo_keys_stay_in_the_demo(self) -> Self:
        keys = [self.secret_key, *self.token_keys.values()]
        is_demo_key = [key.get_secret_value().startswith(DEMO_KEY_PREFIX) for key in keys]
        if any(is_demo_key) and not self.is_demo:
            raise ValueError("these keys were generated for a demo; generate your own for a real installation")
        return self

    @property
    def is_demo(self) -> bool:
        return (self.evenhand_dir / DEMO_MARK).exists()

    @property
    def database(self) -> str:
        """The SQLAlchemy URL in force."""
        return self.database_url or f"sqlite:///{self.evenhand_dir.resolve() / 'evenhand.sqlite'}"

    @property
    def outbox(self) -> Path:
        """Where mail is written as files when no SMTP server is set."""
        return self.evenhand_dir / "outbox"

    @property
    def keys(self) -> dict[str, str]:
        """Every key of this installation by the name its setting has."""
        tokens = {f"TOKEN_KEYS {name}": key.get_secret_value() for name, key in self.token_keys.items()}
        return {"SECRET_KEY": self.secret_key.get_secret_value(), **tokens}

    @property
    def sends_mail(self) -> bool:
        return bool(self.smtp_host)

    def as_environment(self) -> dict[str, str]:
        """What a child process has to be told so that it reads the same settings, wherever these came from."""
        told = self.model_copy(update={"evenhand_dir": self.evenhand_dir.resolve()})
        return {name.upper(): _written(value) for name, value in told}


def _written(value: Any) -> str:
    """A setting as it stands in an environment: secrets open, objects as JSON."""
    if isinstance(value, dict):
        return json.dumps({name: _written(one) for name, one in value.items()})
    if value is None:
        return ""
    return value.get_secret_value() if isinstance(value, SecretStr) else str(value)


def load(**overrides: Any) -> Settings:
    """Read the settings, or say in one message everything that is missing or wrong.

    Raises SettingsRefused.
    """
    try:
        return Settings(**overrides)
    except ValidationError as error:
        lines = [_sentence(problem) for problem in error.errors()]
        raise SettingsRefused("\n".join(lines)) from None


def _sentence(problem: Any) -> str:
    name = ".".join(str(part) for part in problem["loc"]).upper() or "SETTINGS"
    match problem["type"]:
        case "missing":
            what = "is not set"
        case "too_short":
            what = f"is too short; it needs at least {problem['ctx']['min_length']}"
        case _:
            what = problem["msg"].removeprefix("Value error, ")
    return f"{name}: {what}. Set it in the environment or in .env."


def demo_settings(directory: Path, **overrides: Any) -> Settings:
    """The settings of a demo: generated keys, kept in the demo's own marked directory and refused elsewhere. The
    backups and reports of an installation in whose environment it may be started are none of its business."""
    directory.mkdir(parents=True, exist_ok=True)
    (directory / DEMO_MARK).touch()
    key_file = directory / "keys.env"
    if not key_file.exists():
        key_file.touch(mode=0o600)
        key_file.write_text(
            f"SECRET_KEY={DEMO_KEY_PREFIX}{secrets.token_hex(32)}\n"
            f'TOKEN_KEYS={{"demo": "{DEMO_KEY_PREFIX}{secrets.token_hex(32)}"}}\n'
        )
    return load(_env_file=key_file, evenhand_dir=directory, backup_dir=None, bounce_file=None, **overrides)
