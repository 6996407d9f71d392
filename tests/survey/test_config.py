"""Settings: what is wrong or missing is said together, in sentences, before anything starts."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import CliRunner

from survey.app import create_app
from survey.cli import main
from survey.config import Settings, SettingsRefused, load

WELL = {"SECRET_KEY": "s" * 40, "TOKEN_KEYS": '{"2026a": "%s"}' % ("t" * 40)}
Told = Callable[..., str]


@pytest.fixture
def settings_of(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Callable[..., Settings]:
    """The settings of an environment that holds these variables and no others of ours."""
    for name in Settings.model_fields:
        monkeypatch.delenv(name.upper(), raising=False)
    monkeypatch.setenv("EVENHAND_DIR", str(tmp_path))

    def settings(**variables: str) -> Settings:
        for name, value in variables.items():
            monkeypatch.setenv(name, value)
        return load(_env_file=None)

    return settings


def test_everything_missing_is_named_at_once(settings_of: Callable[..., Settings]) -> None:
    with pytest.raises(SettingsRefused) as refused:
        settings_of(SMTP_PORT="many")
    assert [line.partition(":")[0] for line in str(refused.value).splitlines()] == [
        "SECRET_KEY", "TOKEN_KEYS", "SMTP_PORT",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("name", "value", "said"),
    [
        ("SECRET_KEY", "short", "at least 32"),
        ("TOKEN_KEYS", "not JSON", "write a JSON object"),
        ("TOKEN_KEYS", '{"a": "short"}', "key a: use at least 32 characters"),
        ("TOKEN_KEYS", "{}", "at least 1"),
        ("DATABASE_URL", "nonsense", "postgresql://"),
        ("DATABASE_URL", "mysql://somewhere/evenhand", "postgresql://"),
        ("MAIL_FROM", "Survey <survey@example.com>", "the address alone"),
        ("MAIL_FROM", "", "the address alone"),
        ("BASE_URL", "survey.example.com", "https://"),
    ],
)
def test_a_wrong_value_is_named_with_what_to_write_instead(
    settings_of: Callable[..., Settings], name: str, value: str, said: str
) -> None:
    with pytest.raises(SettingsRefused) as refused:
        settings_of(**{**WELL, name: value})
    assert len(str(refused.value).splitlines()) == 1
    assert str(refused.value).startswith(f"{name}: ")
    assert said in str(refused.value)


def test_a_secret_is_not_told_when_it_is_refused(settings_of: Callable[..., Settings]) -> None:
    with pytest.raises(SettingsRefused) as refused:
        settings_of(SECRET_KEY="hunter2", TOKEN_KEYS="hunter3")
    assert "hunter" not in str(refused.value)


def test_the_example_that_ships_needs_nothing_but_keys(
    settings_of: Callable[..., Settings], monkeypatch: pytest.MonkeyPatch
) -> None:
    example = Path(__file__).parents[2] / ".env.example"
    lines = [line for line in example.read_text().splitlines() if line and not line.startswith("#")]
    given = dict(line.split("=", 1) for line in lines)
    settings = settings_of(**{**given, **WELL})
    assert settings.sends_mail
    assert settings.database.startswith("postgresql+psycopg://")


def test_a_directory_that_cannot_be_made_is_one_sentence(
    settings_of: Callable[..., Settings], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(SettingsRefused, match=r"EVENHAND_DIR: .*file/var cannot be made"):
        create_app(settings_of(**WELL, EVENHAND_DIR=str(tmp_path / "file" / "var")))


def test_the_command_line_says_it_and_exits_1(settings_of: Callable[..., Settings]) -> None:
    with pytest.raises(SettingsRefused):
        settings_of(SMTP_PORT="many")
    done = CliRunner().invoke(main, ["routes"], catch_exceptions=False)
    assert (done.exit_code, done.stdout) == (1, "")
    assert done.stderr.startswith("SECRET_KEY: is not set.")
