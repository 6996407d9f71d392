"""The doors customers, managers, reps and reviewers come through; one module a room."""

from survey.views import home

BLUEPRINTS = (home.blueprint,)
