"""`python -m survey.worker NUMBER`: one order, done in a process of its own. The worker starts it; nobody else need."""

from __future__ import annotations

import sys

from survey.app import create_app
from survey.worker import orders

with create_app().app_context():
    orders.perform(int(sys.argv[1]))
