"""The doors customers, managers, reps and reviewers come through; one module a room."""

from survey.views import answering, home, team

BLUEPRINTS = (answering.blueprint, home.blueprint, team.blueprint)
