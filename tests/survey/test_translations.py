"""Chinese and English are equal: whatever a page or a refusal says, it says in both."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from babel.messages.catalog import Catalog, Message
from babel.messages.extract import extract_from_dir
from babel.messages.frontend import parse_mapping_cfg
from babel.messages.mofile import read_mo
from babel.messages.pofile import read_po

ROOT = Path(__file__).resolve().parents[2]
CATALOGUE = ROOT / "survey" / "translations" / "zh" / "LC_MESSAGES" / "messages.po"
PLACES = re.compile(r"%\(\w+\)[sd]|%%")
WORDS = {"_": None, "gettext": None, "ngettext": (1, 2), "N_": None}


def _said() -> Iterator[tuple[str, str]]:
    """Every English sentence of the product, and where it stands."""
    with (ROOT / "survey" / "translations" / "babel.cfg").open() as mapping:
        methods, options = parse_mapping_cfg(mapping)
    for folder in ("survey", "templates"):
        found = extract_from_dir(
            ROOT / folder, [(pattern.removeprefix(f"{folder}/"), name) for pattern, name in methods],
            options, keywords=WORDS,
        )  # fmt: skip
        for file, line, sentence, *_ in found:
            yield (sentence if isinstance(sentence, str) else sentence[0]), f"{folder}/{file}:{line}"


@pytest.fixture(scope="module")
def catalogue() -> Catalog:
    with CATALOGUE.open("rb") as file:
        return read_po(file)


def _messages(catalogue: Catalog) -> list[Message]:
    return [message for message in catalogue if message.id]


def _both(message: Message) -> tuple[str, str]:
    english = message.id if isinstance(message.id, str) else message.id[0]
    return english, message.string if isinstance(message.string, str) else message.string[0]


def test_every_sentence_has_its_chinese(catalogue: Catalog) -> None:
    translated = {english for english, chinese in map(_both, _messages(catalogue)) if chinese}
    missing = {sentence: place for sentence, place in _said() if sentence and sentence not in translated}
    assert not missing


def test_something_was_found_in_templates_and_in_python() -> None:
    places = [place for _, place in _said()]
    assert any(place.startswith("templates/team/team.html") for place in places)
    assert any(place.startswith("survey/users/") for place in places)


def test_both_languages_fill_the_same_places(catalogue: Catalog) -> None:
    for english, chinese in map(_both, _messages(catalogue)):
        assert sorted(PLACES.findall(english)) == sorted(PLACES.findall(chinese)), english


def test_no_translation_is_a_guess(catalogue: Catalog) -> None:
    assert not [message.id for message in _messages(catalogue) if message.fuzzy]


def test_chinese_knows_one_plural(catalogue: Catalog) -> None:
    assert catalogue.num_plurals == 1


def test_the_compiled_catalogue_is_the_written_one(catalogue: Catalog) -> None:
    with CATALOGUE.with_suffix(".mo").open("rb") as file:
        compiled = {_both(message) for message in _messages(read_mo(file))}
    assert compiled == {pair for pair in map(_both, _messages(catalogue)) if pair[1]}
