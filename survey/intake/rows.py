"""The rows of one file on their way in: checked, refused by row, column, value and reason, and counted."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass as plain_dataclass
from dataclasses import field, fields, replace
from typing import Any, ClassVar, Generic, Literal, TypeVar

from pydantic import TypeAdapter, ValidationError
from pydantic.dataclasses import dataclass

from survey.intake.cells import UnfitCell, legible
from survey.intake.changes import Changes
from survey.intake.columns import Columns, headings, match
from survey.intake.sheet import Line, Sheet
from survey.refusals import N_, Refused

Outcome = Literal["created", "updated", "unchanged"]
_WEIGHT: dict[Outcome, int] = {"unchanged": 0, "updated": 1, "created": 2}
LONGEST_SHOWN = 200


class NoRows(Refused):
    pass


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One checked row. `KEY` says which fields make two rows speak of the same thing."""

    KEY: ClassVar[tuple[str, ...]] = ()

    @property
    def key(self) -> tuple[Any, ...]:
        return tuple(getattr(self, name) for name in self.KEY)


R = TypeVar("R", bound=Row)


@plain_dataclass(frozen=True, slots=True, kw_only=True)
class RefusedRow:
    """One refusal: the row as numbered in the sheet, the column as named there, what stands there, and why not."""

    row: int
    column: str | None
    value: str | None
    reason: Refused

    def sentence(self) -> Refused:
        """The whole refusal as one sentence."""
        if self.column is None:
            return Refused(N_("Row %(row)s: %(reason)s"), row=self.row, reason=str(self.reason))
        return Refused(
            N_("Row %(row)s, column “%(column)s”, value “%(value)s”: %(reason)s"),
            row=self.row, column=self.column, value=self.value, reason=str(self.reason),
        )  # fmt: skip


@plain_dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """What became of a file. If it was stored, `read` = created + updated + unchanged + refused rows.

    `ignored` are the headers of columns nobody asked for; `number` is the import's own, and `changes` what it did, once
    it is stored.
    """

    read: int
    created: int
    updated: int
    unchanged: int
    refused: tuple[RefusedRow, ...]
    ignored: tuple[str, ...]
    stored: bool
    number: int | None = None
    changes: Changes = field(default_factory=Changes)


class Part(Generic[R]):
    """What a file says about one kind of thing: the columns it reads, and the rows it got by row number.

    `given` stands in for columns the file does not have. With `told_by`, a row is passed over when all the columns of
    these fields are blank.
    """

    def __init__(
        self,
        model: type[R],
        columns: Columns[str],
        *,
        given: Mapping[str, str] | None = None,
        told_by: Collection[str] = (),
    ) -> None:
        self.model = model
        self.columns = columns
        self.given = dict(given or {})
        self.taken: dict[int, R] = {}
        self._told_by = [columns.places[name] for name in told_by if name in columns.places]
        self._checked = TypeAdapter(model).validate_python

    @property
    def fields(self) -> tuple[str, ...]:
        return tuple(one.name for one in fields(self.model))

    @property
    def silent(self) -> frozenset[str]:
        """The fields the file says nothing about: they have no column."""
        return frozenset(self.fields) - set(self.columns.places) - set(self.given)

    def says_nothing(self, line: Line) -> bool:
        return bool(self._told_by) and not any(line.cells[place].strip() for place in self._told_by)

    def read(self, line: Line) -> R:
        """The line as a checked row. Raises pydantic's ValidationError, whose reasons are UnfitCells."""
        return self._checked(self.given | {name: line.cells[place] for name, place in self.columns.places.items()})


def part_of(model: type[R], sheet: Sheet, *, given: Mapping[str, str] | None = None) -> Part[R]:
    """A part that reads the columns of a sheet under the names its model gives them.

    Raises MissingColumn, DoubleColumn.
    """
    wanted = {
        name: replace(heading, needed=heading.needed and name not in (given or {}))
        for name, heading in headings(model).items()
    }
    return Part(model, match(sheet.headers, wanted, sheet.chosen), given=given)


@plain_dataclass(slots=True)
class Intake:
    """Reads every line of a sheet into its parts, and keeps what was refused. Raises NoRows."""

    sheet: Sheet
    parts: tuple[Part[Any], ...]
    read: int = 0
    refused: list[RefusedRow] = field(default_factory=list)
    refused_rows: set[int] = field(default_factory=set)
    outcomes: dict[int, Outcome] = field(default_factory=dict)
    changes: Changes = field(default_factory=Changes)

    def __post_init__(self) -> None:
        for line in self.sheet.lines:
            self.read += 1
            if len(line.cells) == len(self.sheet.headers):
                self._take(line)
            else:
                self._refuse_shape(line)
        if not self.read:
            raise NoRows(N_("The file has headers but no rows under them."))

    def _take(self, line: Line) -> None:
        for part in self.parts:
            if part.says_nothing(line):
                continue
            try:
                part.taken[line.number] = part.read(line)
            except ValidationError as error:
                for problem in error.errors(include_url=False, include_input=False):
                    self.refuse(part, line.number, str(problem["loc"][0]), problem["ctx"]["error"])

    def _refuse_shape(self, line: Line) -> None:
        if len(line.cells) < len(self.sheet.headers):
            sentence = N_("This row has %(cells)s cells, the header %(headers)s. The file may be cut off here.")
        else:
            sentence = N_("This row has more cells than the header (%(headers)s). A comma may need quotation marks.")
        reason = UnfitCell(sentence, cells=len(line.cells), headers=len(self.sheet.headers))
        self.refused.append(RefusedRow(row=line.number, column=None, value=None, reason=reason))
        self.refused_rows.add(line.number)

    def refuse(self, part: Part[Any], number: int, name: str, reason: Refused) -> None:
        """Refuse a row for what stands in one field (or was given for it)."""
        place = part.columns.places.get(name)
        value = part.given.get(name, "") if place is None else self.sheet.cells(number)[place]
        column = name if place is None else self.sheet.headers[place]
        self.refused.append(
            RefusedRow(row=number, column=legible(column), value=legible(value)[:LONGEST_SHOWN], reason=reason)
        )
        self.refused_rows.add(number)

    def check(self, part: Part[Any], name: str, reason: Callable[[Any], Refused | None]) -> None:
        """Refuse every row whose field gives a reason to."""
        for number, row in part.taken.items():
            why = reason(getattr(row, name))
            if why:
                self.refuse(part, number, name, why)

    def standing(self, part: Part[R]) -> Iterator[tuple[int, R]]:
        """The part's rows that nothing was said against."""
        return ((number, row) for number, row in part.taken.items() if number not in self.refused_rows)

    def refuse_contradictions(self, part: Part[Any]) -> None:
        """Rows with one key must agree; those that do not are refused, each of them."""
        first: dict[tuple[Any, ...], tuple[int, Row]] = {}
        for number, row in list(self.standing(part)):
            earlier, other = first.setdefault(row.key, (number, row))
            if other != row:
                name = next(n for n in part.columns.places if getattr(other, n) != getattr(row, n))
                self.refuse(part, number, name, _contradiction(earlier, row))
                if earlier not in self.refused_rows:
                    self.refuse(part, earlier, name, _contradiction(number, row))

    def mark(self, number: int, outcome: Outcome) -> None:
        """What became of a row; the weightiest word stands."""
        before = self.outcomes.get(number, "unchanged")
        self.outcomes[number] = max(before, outcome, key=_WEIGHT.__getitem__)

    def may_store(self, *, valid_rows: bool) -> bool:
        """All or nothing, unless the valid rows were asked for."""
        return not self.refused or (valid_rows and len(self.refused_rows) < self.read)

    def report(self, *, stored: bool) -> Report:
        ignored = set.intersection(*(set(part.columns.others) for part in self.parts))
        outcomes = list(self.outcomes.values()) if stored else []
        created, updated = outcomes.count("created"), outcomes.count("updated")
        kept = self.read - len(self.refused_rows) if stored else 0
        return Report(
            read=self.read,
            created=created,
            updated=updated,
            unchanged=kept - created - updated,
            refused=_each_once(self.refused),
            ignored=tuple(legible(header) for header in self.sheet.headers if header in ignored),
            stored=stored,
        )


def _contradiction(other: int, row: Row) -> UnfitCell:
    return UnfitCell(
        N_("Row %(other)s says something else about the same entry (%(key)s). Keep one of them."),
        other=other, key=", ".join(map(str, row.key)),
    )  # fmt: skip


def _each_once(refused: list[RefusedRow]) -> tuple[RefusedRow, ...]:
    """In the order of the rows; what two parts said of one cell is said once."""
    said: dict[tuple[Any, ...], RefusedRow] = {}
    for one in refused:
        said.setdefault((one.row, one.column, str(one.reason)), one)
    return tuple(sorted(said.values(), key=lambda one: one.row))
