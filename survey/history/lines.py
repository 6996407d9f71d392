"""One line of history: who answered about whom, where and when, what was known of them, and what they said."""

from __future__ import annotations

import dataclasses
import hashlib
import json
from collections.abc import Callable, Mapping
from functools import cached_property, partial
from typing import Annotated, Any, ClassVar, cast

from pydantic import PlainValidator
from pydantic.dataclasses import dataclass

from survey.intake import cells
from survey.intake.cells import Code, Mode, OptionalDay, UnfitCell
from survey.intake.columns import Columns, Heading, headed, headings, match
from survey.intake.rows import Row
from survey.intake.sheet import Sheet
from survey.questionnaires.sheet import LONGEST_TEXT, SKIPPED, Item, Questionnaire, Reply
from survey.refusals import N_, Refused
from survey.roster.customers import CUSTOMER, REP, TERRITORY, ContactRow, CustomerRow

NOT_APPLICABLE = frozenset({"na", "n/a", "not applicable", "不适用"})
DIGEST = 32


class NoItems(Refused):
    """No column is a question of the sheet."""


@dataclass(frozen=True, slots=True, kw_only=True)
class AnswerRow(Row):
    """What every line has. A file's own items and adjusters are added when its headers are read."""

    KEY: ClassVar = ("campaign", "customer", "rep", "territory", "answered_on")
    campaign: Code = headed("campaign", "调查", "调查编号", "调查批次", "批次")
    customer: Code = headed(*CUSTOMER)
    rep: Code = headed(*REP)
    territory: Code = headed(*TERRITORY)
    answered_on: OptionalDay = headed(
        "answered_on", "答卷日期", "作答日期", "回答日期", "答复日期", "填写日期", "提交时间"
    )
    mode: Mode = headed("mode", "调查方式", "答卷方式", "作答方式", "方式", default="web")


_CUSTOMER, _CONTACT = headings(CustomerRow), headings(ContactRow)
# Adjusters that a campaign copies when it asks go by the same names here; any other column keeps its own.
_ADJUSTERS: dict[str, tuple[tuple[str, ...], Callable[[str], Any]]] = {
    **{
        name: (_CUSTOMER[name].names, cells.short)
        for name in ("segment", "size_band", "industry", "channel", "product_line", "ship_from")
    },
    "tenure": (("tenure", "合作年限", "合作年数"), cells.number),
    "language": (_CONTACT["language"].names, cells.spoken),
    "contact_role": (("contact_role", *_CONTACT["role"].names), cells.role),
}


@dataclasses.dataclass(frozen=True, kw_only=True)
class Given:
    """One line, ready to be stored. `number` is its row in the sheet. (Without slots, to remember its digests.)"""

    number: int
    row: AnswerRow
    adjusters: Mapping[str, Any]
    replies: Mapping[str, Reply]

    @cached_property
    def answered(self) -> bool:
        return any(reply.given for reply in self.replies.values())

    @property
    def asked(self) -> tuple[str, ...]:
        return (self.row.campaign, self.row.customer, self.row.rep, self.row.territory)

    @cached_property
    def known_by(self) -> str:
        """A digest of whose answer this is, about whom, and of which day."""
        return _digest([*self.asked, str(self.row.answered_on)])

    @cached_property
    def nonce(self) -> str:
        """What the line is known by, then what it says."""
        replies = {code: (reply.state, reply.value, reply.text) for code, reply in self.replies.items()}
        return self.known_by + _digest([self.row.mode, self.adjusters, replies])

    @staticmethod
    def known_from(nonce: str) -> str:
        return nonce[:DIGEST]


def _digest(content: list[Any]) -> str:
    return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()[:DIGEST]


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class AnswerColumns:
    """What a file's columns are: a model of its lines, which field is which item, and which is which adjuster."""

    model: type[AnswerRow]
    places: Columns[str]
    items: Mapping[str, Item]
    adjusters: Mapping[str, str]

    def given(self, number: int, row: AnswerRow) -> Given:
        held = {name: getattr(row, field) for field, name in self.adjusters.items()}
        return Given(
            number=number,
            row=row,
            adjusters={name: value for name, value in held.items() if value is not None},
            replies={item.code: getattr(row, field) for field, item in self.items.items()},
        )


def wanted(questionnaire: Questionnaire) -> dict[tuple[str, str], Heading]:
    """The columns a file of answers to this sheet may have, by what they are and their name."""
    found = {("line", name): heading for name, heading in headings(AnswerRow).items()}
    found |= {("item", item.code): Heading(names=_names(item), needed=False) for item in questionnaire.items}
    found |= {("adjuster", name): Heading(names=names, needed=False) for name, (names, _) in _ADJUSTERS.items()}
    return found


def columns_of(sheet: Sheet, questionnaire: Questionnaire) -> AnswerColumns:
    """Tell the columns of a file of answers apart. Raises NoItems, MissingColumn, DoubleColumn."""
    asked = {item.code: item for item in questionnaire.items}
    found = match(sheet.headers, wanted(questionnaire), sheet.chosen)
    of_items = {code: place for (kind, code), place in found.places.items() if kind == "item"}
    of_adjusters = {name: place for (kind, name), place in found.places.items() if kind == "adjuster"}
    if not of_items:
        raise NoItems(
            N_("No column is a question of the sheet “%(code)s”. Name the columns after them: %(items)s."),
            code=questionnaire.code, items=", ".join(asked),
        )  # fmt: skip
    # Other tools' headers can be any words: in the row's model the columns go by their places.
    items = {f"item_{place}": asked[code] for code, place in of_items.items()}
    adjusters = {f"adjuster_{place}": name for name, place in (of_adjusters | dict(found.others)).items()}
    places = {name: place for (kind, name), place in found.places.items() if kind == "line"}
    places |= {field: int(field.rpartition("_")[2]) for field in (*items, *adjusters)}
    return AnswerColumns(
        model=_model(items, adjusters), places=Columns(places=places), items=items, adjusters=adjusters
    )


def _model(items: Mapping[str, Item], adjusters: Mapping[str, str]) -> type[AnswerRow]:
    readers: dict[str, Any] = {
        field: PlainValidator(cells.remembering(partial(_reply, item))) for field, item in items.items()
    }
    for field, name in adjusters.items():
        _names, read = _ADJUSTERS.get(name, ((), cells.short))
        readers[field] = cells.optional(read)
    typed = {field: Annotated[Any, reader] for field, reader in readers.items()}
    line = type("AnswerLine", (AnswerRow,), {"__annotations__": typed, **dict.fromkeys(typed)})
    return cast("type[AnswerRow]", dataclass(frozen=True, slots=True, kw_only=True)(line))


def _names(item: Item) -> tuple[str, ...]:
    return (item.code, item.dimension.en, item.dimension.zh) if item.dimension else (item.code,)


def _reply(item: Item, raw: str) -> Reply:
    """A point of the item's scale by number or label, "N/A", words, or nothing."""
    if item.kind == "text":
        text = cells.words(raw)
        return Reply(state="text", text=cells.no_longer_than(LONGEST_TEXT, text)) if text else SKIPPED
    text = cells.plain_signs(cells.on_one_line(raw)).casefold()
    if not text:
        return SKIPPED
    if text in NOT_APPLICABLE | _labels(item.not_applicable):
        return Reply(state="not applicable")
    for point in item.scale.points if item.scale else ():
        if text in _labels(point.label) or _is_number(text, point.value):
            return Reply(state="answered", value=point.value)
    points = sorted(item.points)
    raise UnfitCell(
        N_("This is not an answer to %(item)s. Write a whole number from %(lowest)s to %(highest)s, N/A, or nothing."),
        item=item.code, lowest=points[0], highest=points[-1],
    )  # fmt: skip


def _labels(wording: Any) -> frozenset[str]:
    return frozenset({wording.zh.casefold(), wording.en.casefold()}) if wording else frozenset()


def _is_number(text: str, value: int) -> bool:
    return text in {str(value), f"{value}.0"}
