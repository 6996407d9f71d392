"""How many answers a wave must bring, asked before it is sent: what one period reaches, what two do, what none can."""

from __future__ import annotations

import math
from argparse import ArgumentParser, Namespace
from dataclasses import dataclass
from typing import Any, Literal

from scoring.findings import Refusal
from scoring.spec import AdjustmentSpec

Reach = Literal["one period", "two periods", "more periods", "never"]

SENTENCES: dict[str, str] = {
    "one period": "One period is enough: about %(one)d customers are expected to answer, and %(needed)d are needed.",
    "two periods": "Two periods together are enough: about %(one)d customers are expected to answer in one, %(two)d in "
    "two, and %(needed)d are needed.",
    "more periods": "Two periods are not enough: about %(two)d customers are expected to answer in two, and %(needed)d "
    "are needed. A higher response rate or a longer window would reach them.",
    "never": "Never: there are %(customers)d customers to ask, and %(needed)d would have to answer.",
}


class NotBetweenZeroAndOne(Refusal):
    """A reliability or an intraclass correlation that is none."""

    sentence = "%(name)s is %(value)s; give a number above 0 and below 1, such as .5."


class NotPlanned(Refusal):
    """Numbers no wave can be planned with."""

    sentence = "%(problem)s"


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """What can be learned about one rep.

    ``needed`` answering customers for the reliability wanted, ``invitations`` to send in one period for that many
    answers; ``one`` and ``two`` the customers expected to have answered after one period and after two.
    """

    customers: int
    needed: int
    invitations: int
    one: float
    two: float

    @property
    def reach(self) -> Reach:
        """In how many periods ``needed`` customers can be expected to answer."""
        if self.one >= self.needed:
            return "one period"
        if self.two >= self.needed:
            return "two periods"
        return "more periods" if self.customers >= self.needed else "never"

    def __str__(self) -> str:
        places = {"one": self.one, "two": self.two, "needed": self.needed, "customers": self.customers}
        return SENTENCES[self.reach] % places


def needed_answers(reliability: float, icc: float) -> int:
    """Answers per rep for a reliability: R/(1−R)·(1−ICC)/ICC, ICC the share of variance that lies between reps.

    Raises:
        NotBetweenZeroAndOne: either of them.
    """
    for name, value in (("reliability", reliability), ("icc", icc)):
        if not 0 < value < 1:
            raise NotBetweenZeroAndOne(name=name, value=value)
    return math.ceil(round(reliability / (1 - reliability) * (1 - icc) / icc, 9))


def expected_reliability(customers: float, icc: float) -> float:
    """The reliability that so many answering customers bring: σ²/(σ² + S/G) = G·ICC/(1 − ICC + G·ICC).

    It leaves aside what comparing over territories costs, so it is the most that can be expected.
    """
    return customers * icc / (1 - icc + customers * icc)


def expected_evidence(customers: float, icc: float, spec: AdjustmentSpec) -> str:
    """The word for that reliability: withheld, thin, provisional or full."""
    if customers < spec.minimum_customers:
        return "withheld"
    reliability = expected_reliability(customers, icc)
    if reliability < spec.thin_below:
        return "thin"
    return "provisional" if reliability < spec.full_from else "full"


def plan(*, customers: int, response_rate: float, reliability: float, icc: float) -> Plan:
    """Compare the answers a reliability takes with those that ``customers`` can give.

    A customer counts once however often they answer, so two periods bring N(1 − (1 − ρ)²) customers, not 2Nρ, and no
    number of periods brings more than there are.

    Args:
        customers: N, the rep's customers who can be reached.
        response_rate: ρ, the share of them who answer in one period, above 0, at most 1.
        reliability: the reliability wanted, between 0 and 1.
        icc: the share of the variance of single answers that lies between reps, between 0 and 1.

    Raises:
        NotPlanned: a response rate that is none, or a negative number of customers.
        NotBetweenZeroAndOne: a reliability or intraclass correlation that is none.
    """
    if not 0 < response_rate <= 1:
        raise NotPlanned(
            problem=f"response-rate is {response_rate}; give the share of customers who answer, such as .3."
        )
    if customers < 0:
        raise NotPlanned(problem=f"customers is {customers}; give how many can be asked, 0 or more.")
    needed = needed_answers(reliability, icc)
    return Plan(
        customers=customers,
        needed=needed,
        invitations=math.ceil(round(needed / response_rate, 9)),
        one=customers * response_rate,
        two=customers * (1 - (1 - response_rate) ** 2),
    )


def add_plan(subparsers: Any) -> None:
    """Add ``plan`` to the commands of ``python -m scoring``."""
    parser: ArgumentParser = subparsers.add_parser(
        "plan",
        help="how many answers a reliability takes",
        epilog="example: python -m scoring plan --icc .05 --reliability .8 --customers 120 --response-rate .35",
    )
    parser.add_argument("--icc", type=float, required=True, help="share of the variance of answers between reps")
    parser.add_argument("--reliability", type=float, required=True, help="the reliability wanted, such as .8")
    parser.add_argument("--customers", type=int, help="how many customers of a rep can be asked")
    parser.add_argument("--response-rate", type=float, help="the share of them who answer in one period")
    parser.set_defaults(run=report)


def report(options: Namespace) -> str:
    """What ``plan`` prints.

    Raises:
        NotPlanned: a number outside its range, or only one of customers and response rate.
        NotBetweenZeroAndOne: a reliability or intraclass correlation that is none.
    """
    if (options.customers is None) != (options.response_rate is None):
        raise NotPlanned(problem="customers and response-rate go together; give both or neither.")
    if options.customers is None:
        return f"{needed_answers(options.reliability, options.icc)} answers per rep are needed."
    made = plan(
        customers=options.customers,
        response_rate=options.response_rate,
        reliability=options.reliability,
        icc=options.icc,
    )
    return f"{made.needed} answers per rep are needed: {made.invitations} invitations in one period. {made}"
