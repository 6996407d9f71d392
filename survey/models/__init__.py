"""Every table but the sign-in's (`users`). Names ending in `_at` are instants in UTC, in `_on` dates.

`by` columns hold the actor as the journal writes it: a user's e-mail address, or `command line`. Whoever knows one
table knows all, so that keys and relationships find each other.
"""

from survey.models import (  # noqa: F401
    answering,
    appraising,
    asking,
    company,
    facts,
    intake,
    orders,
    retention,
    roster,
    scoring,
    sending,
)
