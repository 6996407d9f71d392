"""Scores that are fair to the rep: customer mix and territory taken out, uncertainty left in."""
