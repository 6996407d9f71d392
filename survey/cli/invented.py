"""The demo's company: invented people, customers and answers with a known truth, the same for the same seed and day.

Everything leaves as tables in the shape `evenhand import` reads, so that the demo comes in by the same door as
anybody's data. No name is a real person's; addresses end in `.example`, which nobody can own.
"""

from __future__ import annotations

import random
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, timedelta

SEED = 20260706
REPS, CUSTOMERS = 60, 5000
Row = dict[str, str | float]
Table = list[Row]

TERRITORIES = (
    # code, name, what the territory itself adds to every rating, potential, accounts, workload
    ("NORTH", "华北 North", 3.0, 820, 700, 96),
    ("NORTHEAST", "东北 Northeast", -4.5, 430, 520, 118),
    ("EAST", "华东 East", 2.0, 1240, 900, 88),
    ("CENTRAL", "华中 Central", 0.5, 640, 660, 101),
    ("SOUTH", "华南 South", 4.0, 1100, 850, 90),
    ("SOUTHWEST", "西南 Southwest", -6.0, 510, 600, 124),
    ("NORTHWEST", "西北 Northwest", -3.0, 300, 420, 131),
    ("OVERSEAS", "海外 Overseas", 2.5, 380, 240, 80),
)
SEGMENTS = {"key account": 3.0, "standard": 0.0, "new": -6.0, "won back": -9.0}
SIZES = {"large": -2.0, "medium": 0.0, "small": 2.0}
INDUSTRIES = {"food": 1.5, "chemicals": -1.0, "machinery": 0.0, "electronics": -2.0, "pharma": 0.5}
CHANNELS = {"direct": 1.0, "distributor": -1.5}
PRODUCT_LINES = {"flow": 0.0, "pressure": 0.5, "analysis": -1.5}
ITEMS = {"knowledge": 4.0, "delivery": -5.0, "responsiveness": 1.0, "advice": -2.0, "guidance": 0.0, "overall": 1.0}
SKIPPED_SHARE = {"advice": 0.25, "guidance": 0.35, "delivery": 0.06}
SURNAMES = "王李张刘陈杨赵黄周吴徐孙胡朱高林何郭马罗梁宋郑谢韩唐冯于董萧程曹袁邓许傅沈曾彭吕"
GIVEN = "建国文博思远晨曦雨欣子涵浩然佳怡志鹏晓东海燕丽君桂英秀兰国强永福立新春梅雪松玉婷喆玥堃昇明辉慧敏俊杰天宇景行"
ENGLISH_GIVEN = (
    "Alice",
    "Ben",
    "Carla",
    "Daniel",
    "Elena",
    "Frank",
    "Grace",
    "Henry",
    "Irene",
    "Jonas",
    "Kira",
    "Liam",
)
ENGLISH_FAMILY = ("Archer", "Bishop", "Calder", "Doyle", "Ellery", "Foster", "Garner", "Hollis", "Ives", "Jarvis")
FIRM_WORDS = "恒瑞丰华源泰嘉禾盛景安和信达博雅云帆启明鼎新远航"
FIRM_KINDS = ("食品", "化工", "机械", "电子", "制药", "材料", "能源", "环保")
CONTACT_ROLES = ("purchasing", "technical", "management", "quality")
FEW_CUSTOMERS = {"R058": 7, "R059": 7, "R060": 7}  # newcomers: their scores will be withheld
SOME_CUSTOMERS = {f"R{number:03d}": 15 for number in range(50, 57)}  # enough to be shown, not to be certain
FLIPPED = "R017"  # good at the job, in a hard territory, with mostly new customers
ANSWERING = dict.fromkeys(FEW_CUSTOMERS, 3) | dict.fromkeys(SOME_CUSTOMERS, 7)
ALONE = "R057"  # the only rep overseas: cannot be told apart from the territory


@dataclass(frozen=True, slots=True, kw_only=True)
class Half:
    """A half-year."""

    code: str
    first: date
    last: date


@dataclass(frozen=True, slots=True, kw_only=True)
class InventedCompany:
    """All tables of the demo, and the truth behind its answers (points on 0–100)."""

    territories: Table
    reps: Table
    customers: Table
    contacts: Table
    assignments: Table
    halves: tuple[Half, Half, Half]
    answers: dict[str, Table]
    facts: Table
    truth: Table
    managers: dict[str, str]


def half_of(day: date) -> Half:
    first_half = day.month <= 6
    return Half(
        code=f"{day.year}-H{1 if first_half else 2}",
        first=date(day.year, 1 if first_half else 7, 1),
        last=date(day.year, 6, 30) if first_half else date(day.year, 12, 31),
    )


def invent(today: date) -> InventedCompany:
    """The company as it stands today: two past half-years answered, the present one to be asked."""
    chance = random.Random(SEED)  # noqa: S311 - invented data, not secrets
    present = half_of(today)
    past = half_of(present.first - timedelta(days=1))
    before = half_of(past.first - timedelta(days=1))
    managers = _managers()
    reps, homes = _reps(chance, managers, before.first)
    customers, assignments = _customers(chance, homes, before.first)
    quality = _quality(chance)
    serving = {str(row["customer"]): row for row in assignments}
    return InventedCompany(
        territories=[
            {"code": code, "name": name, "potential": potential, "accounts": accounts, "workload": workload}
            for code, name, _effect, potential, accounts, workload in TERRITORIES
        ],
        reps=reps,
        customers=customers,
        contacts=_contacts(chance, customers, serving),
        assignments=assignments,
        halves=(before, past, present),
        answers={half.code: _answers(chance, half, customers, serving, quality) for half in (before, past)},
        facts=[row for half in (before, past) for row in _facts(chance, half, quality)],
        truth=[{"rep": code, "quality": round(value, 4)} for code, value in quality.items()],
        managers=managers,
    )


def rep_codes() -> list[str]:
    return [f"R{number:03d}" for number in range(1, REPS + 1)]


def _managers() -> dict[str, str]:
    return {code: f"{code.lower()}.manager@demo.example" for code, *_ in TERRITORIES}


def _reps(chance: random.Random, managers: dict[str, str], started: date) -> tuple[Table, dict[str, str]]:
    rows: Table = []
    homes: dict[str, str] = {}
    for place, code in enumerate(rep_codes()):
        home = "OVERSEAS" if code == ALONE else "SOUTHWEST" if code == FLIPPED else TERRITORIES[place % 7][0]
        homes[code] = home
        newcomer = code in FEW_CUSTOMERS
        hired = started + timedelta(days=chance.randint(200, 360) if newcomer else -chance.randint(90, 4000))
        rows.append(
            {
                "code": code,
                "name": _person(chance, english=home == "OVERSEAS" or place % 6 == 5),
                "email": f"{code.lower()}@demo.example",
                "position": "销售代表 Sales rep",
                "hired_on": hired.isoformat(),
                "left_on": "",
                "manager_email": managers[home],
            }
        )
    return rows, homes


def _person(chance: random.Random, *, english: bool) -> str:
    if english:
        return f"{chance.choice(ENGLISH_GIVEN)} {chance.choice(ENGLISH_FAMILY)}"
    at = 2 * chance.randrange(len(GIVEN) // 2)
    return chance.choice(SURNAMES) + GIVEN[at : at + 2]


def _quality(chance: random.Random) -> dict[str, float]:
    return {code: chance.gauss(0, 6.5) for code in rep_codes()} | {FLIPPED: 8.0}


def _customers_per_rep(chance: random.Random) -> dict[str, int]:
    fixed = FEW_CUSTOMERS | SOME_CUSTOMERS
    others = [code for code in rep_codes() if code not in fixed]
    shares = {code: chance.uniform(0.7, 1.3) for code in others}
    each = (CUSTOMERS - sum(fixed.values())) / sum(shares.values())
    return {code: int(share * each) for code, share in shares.items()} | fixed


def _customers(chance: random.Random, homes: dict[str, str], started: date) -> tuple[Table, Table]:
    customers: Table = []
    assignments: Table = []
    for code, count in sorted(_customers_per_rep(chance).items()):
        order = [name for name, *_ in TERRITORIES[:7]]
        neighbour = order[(order.index(homes[code]) + 1) % 7] if code != ALONE else homes[code]
        travels = int(code[1:]) % 4 == 0
        lean = chance.uniform(-0.1, 0.1) + (0.45 if code == FLIPPED else 0.0)
        segments = [0.15 - lean / 3, 0.55 - lean / 3, 0.22 + lean / 3, 0.08 + lean / 3]
        for _ in range(count):
            number = len(customers) + 1
            customer = f"C{number:05d}"
            customers.append(
                {
                    "code": customer,
                    "name": _firm(chance, number),
                    "segment": _one_of(chance, SEGMENTS, segments),
                    "size_band": _one_of(chance, SIZES, (0.2, 0.4, 0.4)),
                    "industry": chance.choice(list(INDUSTRIES)),
                    "channel": _one_of(chance, CHANNELS, (0.6, 0.4)),
                    "product_line": chance.choice(list(PRODUCT_LINES)),
                    "ship_from": "",
                    "customer_since": (started - timedelta(days=chance.randint(30, 4000))).isoformat(),
                }
            )
            assignments.append(
                {
                    "customer": customer,
                    "rep": code,
                    "territory": neighbour if travels and chance.random() < 0.3 else homes[code],
                    "served_from": (started - timedelta(days=20)).isoformat(),
                    "served_to": "",
                }
            )
    return customers, assignments


def _one_of(chance: random.Random, names: Iterable[str], weights: Sequence[float]) -> str:
    return chance.choices(list(names), weights)[0]


def _firm(chance: random.Random, number: int) -> str:
    words = "".join(chance.sample(FIRM_WORDS, 2))
    return f"{words}{chance.choice(FIRM_KINDS)}（演示{number:04d}）"


def _contacts(chance: random.Random, customers: Table, serving: dict[str, Row]) -> Table:
    rows: Table = []
    for customer in customers:
        code = str(customer["code"])
        english = serving[code]["territory"] == "OVERSEAS" or chance.random() < 0.08
        people = {_person(chance, english=english) for _ in range(chance.choices((1, 2, 3), (0.7, 0.2, 0.1))[0])}
        for number, name in enumerate(sorted(people), start=1):
            wechat = _wechat(len(rows))
            rows.append(
                {
                    "customer": code,
                    "name": name,
                    "role": chance.choice(CONTACT_ROLES),
                    "email": "" if wechat else f"contact{number}.{code.lower()}@customers.example",
                    "phone": _phone(len(rows)),
                    "wechat": wechat,
                    "language": "en" if english else "zh",
                }
            )
    return rows


def _phone(number: int) -> str:
    """One person in eight has a telephone: a London number kept free for films, which rings nowhere."""
    return f"+44 20 7946 0{number // 8:03d}" if number % 8 == 0 and number < 8000 else ""


def _wechat(number: int) -> str:
    """One person in forty has neither mail nor telephone, and is written to by hand."""
    return f"demo_{number:05d}" if number % 40 == 25 else ""


def _answers(
    chance: random.Random, half: Half, customers: Table, serving: dict[str, Row], quality: dict[str, float]
) -> Table:
    """One answer a customer who answers; how likely that is differs by segment and a little by contentment."""
    territory_effect = {code: effect for code, _name, effect, *_ in TERRITORIES}
    keenness = {"key account": 0.58, "standard": 0.46, "new": 0.40, "won back": 0.37}
    left = dict(ANSWERING)
    rows: Table = []
    for customer in customers:
        served = serving[str(customer["code"])]
        tenure = max(0.0, (half.first - date.fromisoformat(str(customer["customer_since"]))).days / 365.25)
        felt = (
            72
            + quality[str(served["rep"])]
            + territory_effect[str(served["territory"])]
            + SEGMENTS[str(customer["segment"])]
            + SIZES[str(customer["size_band"])]
            + INDUSTRIES[str(customer["industry"])]
            + CHANNELS[str(customer["channel"])]
            + PRODUCT_LINES[str(customer["product_line"])]
            + 0.3 * min(tenure, 10)
            + chance.gauss(0, 9)
        )
        rep = str(served["rep"])
        if rep in left:
            left[rep] -= 1
            if left[rep] < 0:
                continue
        elif chance.random() > keenness[str(customer["segment"])] + 0.001 * (felt - 72):
            continue
        rows.append(
            {
                "campaign": f"{half.code}-history",
                "customer": customer["code"],
                "rep": served["rep"],
                "territory": served["territory"],
                "answered_on": (half.last - timedelta(days=chance.randint(0, 20))).isoformat(),
                "mode": "phone" if chance.random() < 0.12 else "web",
                **{name: customer[name] for name in ("segment", "size_band", "industry", "channel", "product_line")},
                "tenure": round(tenure, 2),
                "language": "en" if served["territory"] == "OVERSEAS" else "zh",
                **{item: _rating(chance, felt + shift, item) for item, shift in ITEMS.items()},
            }
        )
    return rows


def _facts(chance: random.Random, half: Half, quality: dict[str, float]) -> Table:
    """What the ledger, the market report and the supervisor say: the Taiwan six besides satisfaction."""
    rows: Table = []
    for code in rep_codes():
        lean = quality[code] / 100
        measured = (
            ("attainment", round(100 * chance.gauss(0.95 + lean, 0.09), 1), 100, "订单系统 Order book"),
            ("profit", round(chance.gauss(19.5 + 10 * lean, 2.0), 1), 21, "财务 Finance"),
            ("market_share", round(max(2.0, chance.gauss(11.5, 2.5)), 1), 12, "市场报告 Market report"),
            ("expenses", round(max(2.0, chance.gauss(4.6, 0.7)), 1), 4, "财务 Finance"),
            ("supervisor", min(5, max(1, round(chance.gauss(3.8 + 5 * lean, 0.6)))), "", "主管评价 Supervisor"),
        )
        for indicator, value, target, evidence in measured:
            rows.append(
                {"period": half.code, "rep": code, "indicator": indicator, "value": value, "target": target}
                | {"note": "", "evidence": evidence}
            )
    return rows


def _rating(chance: random.Random, felt: float, item: str) -> int | str:
    if chance.random() < SKIPPED_SHARE.get(item, 0.02):
        return ""
    return min(5, max(1, round(1 + (felt + chance.gauss(0, 11)) / 25)))
