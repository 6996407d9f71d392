"""A spec is read whole or refused with every mistake named."""

from __future__ import annotations

from pathlib import Path

import pytest

from scoring.spec import AdjusterSpec, AdjustmentSpec, CompositeSpec, ItemSpec, ReasonMissing, SpecRefused, UnknownKind

DEFAULT = Path(__file__).parents[2] / "survey" / "specs" / "default.toml"
ITEM = '[[item]]\nname = "advice"\nlo = 1\nhi = 5\n'


def test_the_spec_that_ships_is_read_with_every_default() -> None:
    spec = AdjustmentSpec.from_toml(DEFAULT.read_text(encoding="utf-8"))
    assert spec == AdjustmentSpec(items=spec.items, adjusters=spec.adjusters, composite=spec.composite)
    assert spec.composite is not None
    assert spec.composite.items[:3] == ("knowledge", "delivery", "responsiveness")
    assert all(adjuster.reason for adjuster in spec.adjusters)
    assert (spec.minimum_customers, spec.thin_below, spec.full_from, spec.max_customer_share) == (5, 0.40, 0.70, 0.25)


def test_every_setting_is_read() -> None:
    spec = AdjustmentSpec.from_toml(
        'weights = "response"\nterritory = "peer"\nminimum_customers = 6\nwindow = 2\ncomposite_weights = "cahps"\n'
        "thin_below = 0.3\nfull_from = 0.8\nmax_customer_share = 0.5\ncomments_from = 12\nsmallest_difference = 3\n"
        f'territory_from = "run 4"\n{ITEM}reversed = true\n'
        '[[adjuster]]\nname = "tenure"\nkind = "number"\nreason = "fixed"\n'
        '[composite]\nname = "all"\nitems = ["advice"]\nweights = [2]\n'
    )
    assert spec == AdjustmentSpec(
        weights="response", territory="peer", minimum_customers=6, window=2, composite_weights="cahps", thin_below=0.3,
        full_from=0.8, max_customer_share=0.5, comments_from=12, smallest_difference=3.0, territory_from="run 4",
        items=(ItemSpec(name="advice", lo=1, hi=5, reversed=True),),
        adjusters=(AdjusterSpec(name="tenure", kind="number", reason="fixed"),),
        composite=CompositeSpec(name="all", items=("advice",), weights=(2.0,)),
    )  # fmt: skip


@pytest.mark.parametrize(
    ("text", "refusal", "says"),
    [
        (f'{ITEM}[[adjuster]]\nname = "size"\nkind = "category"\n', ReasonMissing, "size has no reason"),
        (f'{ITEM}[[adjuster]]\nname = "size"\nkind = "category"\nreason = " "\n', ReasonMissing, "size has no reason"),
        (f'{ITEM}[[adjuster]]\nname = "size"\nkind = "colour"\nreason = "r"\n', UnknownKind, 'kind is "colour"'),
        ("", SpecRefused, "no item"),
        ('[[item]]\nname = "a"\nlo = 5\nhi = 1\n', SpecRefused, "lo must be below hi"),
        ('[[item]]\nname = "rep"\nlo = 1\nhi = 5\n', SpecRefused, "An item is called rep"),
        ('[[item]]\nname = "a"\nlo = 1\nhi = 1e300\n', SpecRefused, "a scale people answer on"),
        ('[[item]]\nname = "a"\nlo = "one"\nhi = 5\n', SpecRefused, "lo is 'one'"),
        (f'territory = "region"\n{ITEM}', SpecRefused, "must be one of pooled, peer, company"),
        (f"minimum_custmers = 3\n{ITEM}", SpecRefused, "write minimum_customers"),
        (f"minimum_customers = 0\n{ITEM}", SpecRefused, "must be 1 or more"),
        (f"thin_below = 0.9\n{ITEM}", SpecRefused, "thin_below the smaller"),
        (f"max_customer_share = 2\n{ITEM}", SpecRefused, "between 0 and 1"),
        (f"smallest_difference = -1\n{ITEM}", SpecRefused, "cannot be negative"),
        (f"{ITEM}{ITEM}", SpecRefused, "advice is listed twice"),
        (f'{ITEM}[composite]\nname = "all"\nitems = ["speed"]\n', SpecRefused, "speed, which is not an"),
        (f'{ITEM}[composite]\nname = "advice"\nitems = ["advice"]\n', SpecRefused, "rename it"),
        (
            f'{ITEM}[composite]\nname = "all"\nitems = ["advice"]\nweights = [1, 2]\n',
            SpecRefused,
            "one positive weight",
        ),
        (f'{ITEM}[composite]\nname = "all"\nitems = ["advice"]\nweights = "much"\n', SpecRefused, "a list of numbers"),
        (f'{ITEM}[[adjuster]]\nname = "rep"\nkind = "category"\nreason = "r"\n', SpecRefused, "called 'rep'"),
        ("[[item", SpecRefused, "not TOML"),
    ],
)
def test_what_is_wrong_is_said(text: str, refusal: type[SpecRefused], says: str) -> None:
    with pytest.raises(refusal, match=says) as caught:
        AdjustmentSpec.from_toml(text)
    assert type(caught.value) is refusal


def test_all_mistakes_are_named_at_once() -> None:
    with pytest.raises(SpecRefused) as caught:
        AdjustmentSpec.from_toml('[[item]]\nname = "a"\nlo = "x"\nhi = "y"\n')
    assert len(str(caught.value).splitlines()) == 2


def test_the_hash_is_of_what_is_said_not_of_how() -> None:
    one = AdjustmentSpec.from_toml(f"window = 1\n{ITEM}")
    other = AdjustmentSpec.from_toml('# a note\n[[item]]\nhi = 5.0\nlo = 1.0\nname = "advice"\n')
    assert one.hash == other.hash == AdjustmentSpec(items=(ItemSpec(name="advice", lo=1, hi=5),)).hash
    assert one.hash != AdjustmentSpec.from_toml(f"window = 2\n{ITEM}").hash


def test_a_reason_may_be_given_in_chinese_too_and_one_alone_keeps_its_hash() -> None:
    text = f'{ITEM}[[adjuster]]\nname = "segment"\nkind = "category"\nreason = "fixed before"\n'
    alone, both = AdjustmentSpec.from_toml(text), AdjustmentSpec.from_toml(f'{text}reason_zh = "事先划定"\n')
    assert alone.record()["adjusters"] == [{"name": "segment", "kind": "category", "reason": "fixed before"}]
    assert both.adjusters[0].reason_zh == "事先划定"
    assert alone.hash != both.hash


def test_every_reason_that_ships_stands_in_both_languages() -> None:
    for path in Path("survey/specs").glob("*.toml"):
        for adjuster in AdjustmentSpec.from_toml(path.read_text(encoding="utf-8")).adjusters:
            assert any("\u3400" <= letter <= "\u9fff" for letter in adjuster.reason_zh), adjuster.name
            assert adjuster.reason.isascii(), adjuster.name
