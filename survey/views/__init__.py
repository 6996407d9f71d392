"""The doors customers, managers, reps and reviewers come through; one module a room."""

from survey.views import answering, home

BLUEPRINTS = (answering.blueprint, home.blueprint)
