"""Names in the order people look for them: Chinese ones by how they are read, others by their letters, whatever the
database."""

from __future__ import annotations

import os
from collections.abc import Iterable
from functools import cache, lru_cache
from typing import Any, TypeVar

os.environ.setdefault("PYPINYIN_NO_PHRASES", "true")  # 45 MB of phrases that no name needs

SURNAMES = {
    "曾": "zeng", "单": "shan", "解": "xie", "仇": "qiu", "查": "zha", "区": "ou", "朴": "piao", "盖": "ge",
    "召": "shao", "尉": "yu", "缪": "miao", "翟": "zhai", "冼": "xian", "乐": "yue",
}  # fmt: skip
"""Surnames that are not read as the same character usually is."""

Named = TypeVar("Named", bound=Any)
"""Whatever has a name and a code: a rep, a territory, a row with both."""


@lru_cache(maxsize=20_000)  # a company reads the same names on every page
def sort_key(name: str) -> tuple[tuple[str, ...], str]:
    """Where a name belongs: its syllables and words in small letters, then the name itself."""
    return (*_syllables(name.strip()),), name


def by_name(found: Iterable[Named]) -> list[Named]:
    """In the order of their names, those of one name by code."""
    return sorted(found, key=lambda one: (sort_key(one.name), one.code))


def said(name: str) -> str:
    """A name as it may be typed without Chinese letters: wangjianguo."""
    return "".join(_syllables(name.strip())).replace(" ", "")


@cache
def _reading(character: str) -> str:
    from pypinyin import lazy_pinyin

    return str(lazy_pinyin(character)[0]).casefold()


def _syllables(name: str) -> list[str]:
    found: list[str] = []
    word = ""
    for place, character in enumerate(name):
        if ord(character) < 0x2E80:
            word += character.casefold()
            continue
        found += [word] if word else []
        word = ""
        found.append(SURNAMES.get(character, "") if place == 0 and character in SURNAMES else _reading(character))
    return [*found, word] if word else found
