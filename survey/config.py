"""Settings: everything an installation is told from outside, checked together before anything starts."""

from __future__ import annotations

import secrets
from pathlib import Path
from typing import Annotated, Any, Self

from pydantic import AfterValidator, Field, SecretStr, ValidationError, field_validator, model_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

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


def _without_slash(url: str) -> str:
    return url.rstrip("/")


class Settings(BaseSettings):
    """What the environment (or `.env`) says. Secrets have no default: an installation must bring its own."""

    model_config = SettingsConfigDict(env_file=".env", extra="ignore", frozen=True)

    evenhand_dir: Path = Path("var")
    database_url: Annotated[str, AfterValidator(_with_driver)] = ""
    base_url: Annotated[str, AfterValidator(_without_slash)] = "http://127.0.0.1:8000"
    secret_key: SecretStr = Field(min_length=32)
    token_keys: dict[str, SecretStr] = Field(
        min_length=1, description='JSON object of key id to secret; the last one signs new links: {"2026a": "…"}'
    )
    smtp_host: str = ""
    smtp_port: int = 587
    smtp_user: str = ""
    smtp_password: SecretStr = SecretStr("")
    smtp_starttls: bool = True
    mail_from: str = "survey@localhost"
    trusted_proxies: int = 0
    ratelimit_storage_uri: str = "memory://"

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
    def sends_mail(self) -> bool:
        return bool(self.smtp_host)


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
    what = "is not set" if problem["type"] == "missing" else problem["msg"].removeprefix("Value error, ")
    return f"{name}: {what}. Set it in the environment or in .env."


def demo_settings(directory: Path, **overrides: Any) -> Settings:
    """The settings of a demo: generated keys, kept in the demo's own marked directory and refused elsewhere."""
    directory.mkdir(parents=True, exist_ok=True)
    (directory / DEMO_MARK).touch()
    key_file = directory / "keys.env"
    if not key_file.exists():
        key_file.touch(mode=0o600)
        key_file.write_text(
            f"SECRET_KEY={DEMO_KEY_PREFIX}{secrets.token_hex(32)}\n"
            f'TOKEN_KEYS={{"demo": "{DEMO_KEY_PREFIX}{secrets.token_hex(32)}"}}\n'
        )
    return load(_env_file=key_file, evenhand_dir=directory, **overrides)
