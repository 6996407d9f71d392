"""Question sheets: the one that ships says exactly what it should, and a broken one is refused by name."""

from __future__ import annotations

import copy
import tomllib
from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest
from click.testing import Result
from sqlalchemy.orm import Session

from survey import questionnaires
from survey.questionnaires import toml
from survey.questionnaires.content import check
from survey.questionnaires.sheet import (
    LONGEST_TEXT,
    OutOfScale,
    Questionnaire,
    QuestionnaireRefused,
    TextTooLong,
    UnprintableText,
)

QUESTIONS = {
    "knowledge": (
        "In {period}, how well did {rep} know the products you buy?",
        "{period}，{rep}对您所购产品的了解程度如何？",
    ),
    "delivery": (
        "How often did orders handled by {rep} arrive by the promised date?",
        "由{rep}经办的订单，按承诺日期送达的情况如何？",
    ),
    "delivery_control": ("Was the delay mainly something {rep} could control?", "延误主要是{rep}可以控制的吗？"),
    "responsiveness": (
        "When you contacted {rep}, how often did you get a reply as soon as you needed it?",
        "您联系{rep}时，得到及时回复的情况如何？",
    ),
    "advice": ("How useful was {rep}'s advice for your business?", "{rep}提供的服务建议对您的业务有多大帮助？"),
    "guidance": ("How helpful was {rep}'s technical guidance?", "{rep}的技术指导对您有多大帮助？"),
    "overall": ("Overall, how satisfied are you with {rep}?", "总体而言，您对{rep}的服务满意吗？"),
    "comment": (
        "What should {rep} keep doing or change? Your words may be shown to {rep}'s manager.",
        "您希望{rep}保持或改进什么？您的留言可能会给其主管看到。",
    ),
    "pressure": ("Did anyone ask you to give a particular score?", "是否有人要求您给出特定的评分？"),
}
POINTS = {
    "knowledge": (
        ("Extremely well", "非常了解"),
        ("Very well", "比较了解"),
        ("Moderately well", "一般"),
        ("Slightly well", "不太了解"),
        ("Not at all well", "完全不了解"),
    ),
    "delivery": (
        ("Always", "总是"),
        ("Usually", "经常"),
        ("Sometimes", "有时"),
        ("Rarely", "很少"),
        ("Never", "从不"),
    ),
}
NOT_APPLICABLE = {
    "knowledge": ("We did not discuss products", "未涉及产品问题"),
    "delivery": ("No orders", "期间无订单"),
    "responsiveness": ("I did not contact {rep}", "未联系过"),
    "advice": ("None given", "未提供建议"),
    "guidance": ("None needed", "无需技术指导"),
}


@pytest.fixture
def content() -> dict[str, Any]:
    return copy.deepcopy(questionnaires.shipped()["core"])


@pytest.fixture
def core(content: dict[str, Any]) -> Questionnaire:
    return questionnaires.read(content)


def test_the_shipped_sheet_asks_in_these_words(core: Questionnaire) -> None:
    assert {item.code: (item.question.en, item.question.zh) for item in core.items} == QUESTIONS
    for code, points in POINTS.items():
        scale = core.item(code).scale
        assert scale is not None
        assert [(point.label.en, point.label.zh) for point in scale.points] == list(points)
    offered = {item.code: item.not_applicable for item in core.items if item.not_applicable}
    assert {code: (words.en, words.zh) for code, words in offered.items()} == NOT_APPLICABLE


def test_the_core_comes_first_and_five_dimensions_are_named(core: Questionnaire) -> None:
    assert [item.code for item in core.core] == ["knowledge", "delivery", "responsiveness"]
    assert [item.code for item in core.ratings] == [
        "knowledge", "delivery", "responsiveness", "advice", "guidance", "overall",
    ]  # fmt: skip
    assert {(item.scale.lowest, item.scale.highest) for item in core.ratings if item.scale} == {(1, 5)}
    assert all(item.points == (5, 4, 3, 2, 1) for item in core.ratings), "the best answer stands first"


def test_a_question_is_said_with_its_places_filled_and_nothing_else_touched(core: Questionnaire) -> None:
    question = core.item("knowledge").question
    assert (
        question.said("zh", rep="{rep} & 李%s", period="过去3个月")
        == "过去3个月，{rep} & 李%s对您所购产品的了解程度如何？"
    )


@pytest.mark.parametrize(
    ("value", "asked"), [("5", False), ("4", False), ("3", True), ("1", True), ("na", False), ("", False)]
)
def test_whose_fault_a_delay_was_is_asked_after_sometimes_or_worse(
    core: Questionnaire, value: str, asked: bool
) -> None:
    replies = {"delivery": core.item("delivery").reply(value)}
    assert core.asked(core.item("delivery_control"), replies) is asked
    assert core.follow_up(core.item("delivery")) == core.item("delivery_control")


def test_replies_are_read_as_what_they_are(core: Questionnaire) -> None:
    delivery, comment = core.item("delivery"), core.item("comment")
    assert (delivery.reply("4").state, delivery.reply("4").value) == ("answered", 4)
    assert delivery.reply("na").state == "not applicable"
    assert delivery.reply("").state == comment.reply(" \r\n ").state == "skipped"
    assert comment.reply("谢谢\r\n再见 👍🏽\t") == comment.reply("谢谢\n再见 👍🏽")


@pytest.mark.parametrize("posted", ["0", "6", "-1", "4.0", "five", "５", "1e0", "[4]", "null", "none"])
def test_what_is_not_on_the_scale_is_refused(core: Questionnaire, posted: str) -> None:
    with pytest.raises(OutOfScale):
        core.item("delivery").reply(posted)


def test_not_applicable_is_refused_where_it_is_not_offered(core: Questionnaire) -> None:
    with pytest.raises(OutOfScale):
        core.item("overall").reply("na")


@pytest.mark.parametrize("mark", ["\x00", "\x07", "\x1b[2J", "\x7f", "\x85", "\u202e", "\u2066", "\ud800"])
def test_control_and_direction_marks_are_refused(core: Questionnaire, mark: str) -> None:
    with pytest.raises(UnprintableText):
        core.item("comment").reply(f"good{mark}bad")


def test_a_comment_has_a_longest_length(core: Questionnaire) -> None:
    assert core.item("comment").reply("好" * LONGEST_TEXT).text == "好" * LONGEST_TEXT
    with pytest.raises(TextTooLong, match="2000"):
        core.item("comment").reply("好" * (LONGEST_TEXT + 1))


def _change(path: str, value: object) -> Callable[[dict[str, Any]], None]:
    def change(content: dict[str, Any]) -> None:
        *way, last = path.split(".")
        place: Any = content
        for step in way:
            place = place[int(step)] if step.isdigit() else place[step]
        place[last] = value

    return change


def _swap(first: int, second: int) -> Callable[[dict[str, Any]], None]:
    def change(content: dict[str, Any]) -> None:
        items = content["item"]
        items[first], items[second] = items[second], items[first]

    return change


@pytest.mark.parametrize(
    ("break_it", "named"),
    [
        (_change("item.0.question", {"en": "How?", "zh": " "}), "languages"),
        (_change("item.0.question", {"en": "How was {boss}?", "zh": "如何？"}), "boss"),
        (_change("item.0.scale", "unheard"), "unheard"),
        (_change("item.7.scale", "often"), "comment"),
        (_change("item.8.dimension", {"en": "Pressure", "zh": "压力"}), "pressure"),
        (_change("scale.0.points", [{"value": 1, "en": "No", "zh": "否"}]), "two points"),
        (_change("scale.1.points", [{"value": 1, "en": "N", "zh": "否"}, {"value": 2, "en": "Y", "zh": "是"}]), "best"),
        (_change("item.1.code", "knowledge"), "own code"),
        (_swap(3, 4), "core items come first"),
        (_swap(2, 3), "delivery_control"),
        (_change("item", []), "at least one item"),
        (_change("item.2.asked_if.at_most", 5), "from 1 to 4"),
        (_change("item.2.asked_if.at_most", 0), "from 1 to 4"),
    ],
)
def test_a_broken_sheet_is_refused_by_name(
    content: dict[str, Any], break_it: Callable[[dict[str, Any]], None], named: str
) -> None:
    break_it(content)
    with pytest.raises(QuestionnaireRefused, match=named):
        questionnaires.read(content)


def test_a_missing_part_is_named(content: dict[str, Any]) -> None:
    del content["item"][0]["question"]
    with pytest.raises(QuestionnaireRefused, match="question"):
        questionnaires.read(content)


def test_a_version_that_was_sent_stays_as_it_is(session: Session, content: dict[str, Any], now: datetime) -> None:
    first = questionnaires.newest(session, "core")
    questionnaires.freeze(first, at=now)
    content["title"]["en"] = "Something else"
    with pytest.raises(questionnaires.FrozenQuestionnaire, match="Version 1"):
        questionnaires.store(session, content)
    second = questionnaires.store(session, {**content, "version": 2})
    assert questionnaires.newest(session, "core") is second
    assert questionnaires.read(first.content).title.en == "Five dimensions of service"


def test_a_version_not_sent_yet_may_be_corrected(session: Session, content: dict[str, Any]) -> None:
    first = questionnaires.newest(session, "core")
    content["title"]["en"] = "Corrected"
    assert questionnaires.store(session, content) is first
    assert questionnaires.read(first.content).title.en == "Corrected"


def test_an_unknown_sheet_is_refused_with_those_there_are(session: Session) -> None:
    with pytest.raises(questionnaires.UnknownQuestionnaire, match="core"):
        questionnaires.newest(session, "cor")


# -- the other sheets that ship, and sheets as files ------------------------------------------------------------


def test_what_ships_is_whole_and_survives_its_own_file() -> None:
    shipped = questionnaires.shipped()
    assert set(shipped) == {"core", "key-account", "relationship"}
    for data in shipped.values():
        check(data)
        assert tomllib.loads(toml.write(data)) == data


def test_key_accounts_are_asked_about_the_company_without_scoring_the_rep_for_it() -> None:
    sheet = questionnaires.read(questionnaires.shipped()["key-account"])
    company = {item.code for item in sheet.items if item.about == "company"}
    assert company == {"product_quality", "service_quality", "comparison"}
    scored = {item.code for item in sheet.ratings}
    assert {"knowledge", "delivery", "responsiveness", "advice", "guidance", "presale", "aftersales"} <= scored
    assert not scored & company


def test_relationship_checks_are_facts_and_never_scored() -> None:
    sheet = questionnaires.read(questionnaires.shipped()["relationship"])
    assert {sheet.item(code).kind for code in ("knows_name", "visits", "helped")} == {"choice"}


def test_every_gap_of_a_file_is_named_at_once(content: dict[str, Any]) -> None:
    del content["item"][0]["question"]["zh"]
    content["item"][1]["dimension"]["en"] = " "
    content["title"]["zh"] = ""
    with pytest.raises(QuestionnaireRefused) as refused:
        check(content)
    assert {str(problem) for problem in refused.value.problems} == {
        "knowledge: the Chinese text is missing.",
        "delivery dimension: the English text is missing.",
        "title: the Chinese text is missing.",
    }


@pytest.mark.parametrize(
    ("name", "value", "says"),
    [
        ("item", 3, "item does not hold"),
        ("item", [1, "x"], "item.1 does not hold"),
        ("title", None, "title does not hold"),
        ("code", "Core!", "short code"),
        ("colour", "red", "colour has no meaning"),
        ("version", "1", "version does not hold"),
    ],
)
def test_a_file_of_another_shape_is_refused_in_a_sentence(
    content: dict[str, Any], name: str, value: object, says: str
) -> None:
    with pytest.raises(QuestionnaireRefused) as refused:
        check(content | {name: value})
    assert any(says in str(problem) for problem in refused.value.problems)


@pytest.mark.parametrize("file", [b"a = " + b"[" * 90_000, b"a = " + b"9" * 5_000, b"\xff", b"a ="])
def test_what_is_no_toml_is_refused_in_a_sentence(file: bytes) -> None:
    with pytest.raises(QuestionnaireRefused, match="not TOML"):
        toml.parse(file)


def test_the_command_line_lists_shows_checks_and_takes_in(evenhand: Callable[..., Result], tmp_path: Path) -> None:
    assert "key-account  version 1" in evenhand("questionnaires", "list").stdout
    shown = evenhand("questionnaires", "show", "core")
    assert tomllib.loads(shown.stdout) == questionnaires.shipped()["core"]
    file = tmp_path / "dealers.toml"
    file.write_text(shown.stdout.replace('code = "core"', 'code = "dealers"', 1), encoding="utf-8")
    assert "complete" in evenhand("questionnaires", "check", file).stdout
    assert "dealers is stored as version 1" in evenhand("questionnaires", "add", file).stdout
    assert "dealers  version 1" in evenhand("questionnaires", "list").stdout
    file.write_text(shown.stdout.replace("产品知识", "").replace("交货及时性", ""), encoding="utf-8")
    refused = evenhand("questionnaires", "check", file)
    assert (refused.exit_code, len(refused.stderr.splitlines())) == (1, 2)
