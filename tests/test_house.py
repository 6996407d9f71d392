"""The floors of the house, executed: imports point down, each heavy library has one keeper, names keep promises."""

from __future__ import annotations

import ast
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
ROOMS = (
    "users", "roster", "questionnaires", "campaigns", "sampling", "invitations", "responses", "follow_ups",
    "interviews", "history", "integrity", "runs", "indicators", "schemes", "plans", "appraisals", "dashboards",
    "exports", "orders", "retention", "backups",
)  # fmt: skip
GROUND = ("refusals", "config", "database", "models", "journal", "intake", "figures", "names")
HATCHES = (
    "pictures", "nameserver", "handbook", "pdf", "letters", "channels", "mail", "sms", "bounces", "tables",
    "doorbell",
)  # fmt: skip
DOORS = ("health", "app", "cli", "worker", "context", "access", "i18n", "views")
SIGN_IN = "users"  # the datastore of sign-in needs Flask-Security's mixins
FORBIDDEN_NAMES = {"utils", "util", "helpers", "common", "core", "managers", "services", "misc"}


def _sources(folder: str) -> list[Path]:
    return sorted(path for path in (ROOT / folder).rglob("*.py") if "migrations" not in path.parts)


def _imports(path: Path) -> Iterator[str]:
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            yield node.module
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def _libraries(path: Path) -> set[str]:
    return {name.split(".")[0] for name in _imports(path)}


def _place(path: Path) -> str:
    """The room, hatch, door or ground file of `survey/` this source belongs to."""
    return path.relative_to(ROOT / "survey").parts[0].removesuffix(".py")


def _survey_places(path: Path) -> set[str]:
    return {name.split(".")[1] for name in _imports(path) if name.startswith("survey.")}


def _in(places: tuple[str, ...]) -> list[Path]:
    return [path for path in _sources("survey") if _place(path) in places]


def _is_flask(library: str) -> bool:
    return library == "flask" or library.startswith("flask_") or library in {"werkzeug", "wtforms"}


def test_every_source_has_a_place() -> None:
    known = {"__init__", *ROOMS, *GROUND, *HATCHES, *DOORS}
    assert {_place(path) for path in _sources("survey")} <= known


def test_the_core_knows_no_web_no_database_no_clock() -> None:
    for path in _sources("scoring"):
        assert not any(_is_flask(library) for library in _libraries(path)), path
        assert not _libraries(path) & {"sqlalchemy", "survey", "time", "weasyprint"}, path
        assert not re.search(r"\b(datetime|date)\.(now|today|utcnow)\(", path.read_text()), path


def test_only_the_cores_door_reads_and_writes_files() -> None:
    for path in _sources("scoring"):
        if path.name in {"__main__.py", "appraisal_files.py"}:
            continue
        assert not re.search(r"\bopen\(|read_csv|read_parquet|write_text|to_csv|to_parquet", path.read_text()), path


def test_rooms_hatches_and_ground_do_not_import_flask_or_doors() -> None:
    for path in _in((*ROOMS, *GROUND, *HATCHES)):
        assert not _survey_places(path) & set(DOORS), path
        if _place(path) != SIGN_IN:
            assert not any(_is_flask(library) for library in _libraries(path)), path


def test_rooms_look_back_along_the_line_never_ahead() -> None:
    for path in _in(ROOMS):
        here = ROOMS.index(_place(path))
        ahead = _survey_places(path) & set(ROOMS[here + 1 :])
        assert not ahead, f"{path} looks ahead to {ahead}"


def test_ground_knows_nothing_above_it() -> None:
    for path in _in(GROUND):
        assert not _survey_places(path) & {*ROOMS, *HATCHES}, path


def test_hatches_know_no_rooms_and_no_rows() -> None:
    for path in _in(HATCHES):
        assert not _survey_places(path) & {*ROOMS, "models", "database"}, path
        assert "sqlalchemy" not in _libraries(path), path


def test_only_doors_commit_and_read_the_clock() -> None:
    for path in _in((*ROOMS, *GROUND, *HATCHES)):
        text = path.read_text()
        assert ".commit()" not in text, path
        assert not re.search(r"\b(datetime|date)\.(now|today|utcnow)\(|\btime\.time\(", text), path


def test_views_select_nothing_and_do_not_score() -> None:
    for path in _in(("views",)):
        assert "sqlalchemy" not in _libraries(path) or "select(" not in path.read_text(), path
        assert "runs" not in _survey_places(path), path


@pytest.mark.parametrize(
    ("library", "keepers"),
    [
        ("statsmodels", ()),
        ("weasyprint", ("pdf",)),
        ("smtplib", ("mail",)),
        ("pandas", ("tables", "runs", "history", "roster", "indicators", "exports", "schemes", "appraisals")),
    ],
)
def test_each_heavy_library_has_its_keepers(library: str, keepers: tuple[str, ...]) -> None:
    users = {_place(path) for path in _sources("survey") if library in _libraries(path)}
    assert users <= set(keepers)


def test_no_re_exports() -> None:
    for folder in ("survey", "scoring"):
        for path in _sources(folder):
            assert "__all__" not in path.read_text(), path


def test_names_say_what_a_thing_is() -> None:
    for folder in ("survey", "scoring", "tests"):
        for path in _sources(folder):
            assert path.stem not in FORBIDDEN_NAMES, path
            table_named_df = re.search(r"\bdf\b\s*(=\s*(pd|pandas)\.|:\s*(pd|pandas)\.)", path.read_text())
            assert not table_named_df, f"{path}: a table has a better name"


def test_the_answering_path_needs_neither_pandas_nor_statsmodels() -> None:
    """Importing statsmodels costs 2 seconds and 140 MB; a customer's page never pays for it."""
    program = (
        "import sys, survey.app, survey.views.answering\n"
        "heavy = {'pandas', 'statsmodels', 'weasyprint', 'scipy'} & set(sys.modules)\n"
        "sys.exit(', '.join(sorted(heavy)) or 0)"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, cwd=ROOT, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


def test_the_top_level_is_the_owners() -> None:
    tracked = subprocess.run(["git", "ls-files"], capture_output=True, text=True, cwd=ROOT, check=True).stdout
    top = {line.split("/")[0] for line in tracked.splitlines()}
    expected = {"wsgi.py", "pyproject.toml", "survey", "scoring", "templates", "tests", "README.md"}
    customary = {"Makefile", "LICENSE", "CHANGELOG.md", "Dockerfile", "compose.yaml", "requirements.lock"}
    assert expected <= top
    assert {name for name in top if not name.startswith(".")} <= expected | customary


def test_tests_mirror_the_house() -> None:
    for path in _sources("tests/scoring"):
        if path.stem.startswith("test_"):
            name = path.stem.removeprefix("test_")
            known = (ROOT / "scoring" / f"{name}.py").exists() or (ROOT / "scoring" / name).is_dir()
            assert known or name in {"properties", "recovery", "golden", "main"}, f"{path} mirrors nothing"
