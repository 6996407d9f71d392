"""The doors customers, managers, reps and reviewers come through; one module a room."""

from survey.views import answering, appraisals, follow_ups, home, outbox, team

BLUEPRINTS = (
    answering.blueprint,
    appraisals.blueprint,
    follow_ups.blueprint,
    home.blueprint,
    outbox.blueprint,
    team.blueprint,
)
