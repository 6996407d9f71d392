"""The doors customers, managers, reps and reviewers come through; one module a room."""

from survey.views import (
    answering,
    appraisals,
    campaigns,
    checking,
    exclusions,
    facts,
    follow_ups,
    home,
    importing,
    interviews,
    outbox,
    preferences,
    roster,
    schemes,
    team,
    undelivered,
)

BLUEPRINTS = (
    answering.blueprint,
    appraisals.blueprint,
    campaigns.blueprint,
    checking.blueprint,
    exclusions.blueprint,
    facts.blueprint,
    follow_ups.blueprint,
    home.blueprint,
    importing.blueprint,
    interviews.blueprint,
    outbox.blueprint,
    preferences.blueprint,
    roster.blueprint,
    schemes.blueprint,
    team.blueprint,
    undelivered.blueprint,
)
