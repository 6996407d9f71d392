"""Evenhand asks customers how well their sales reps serve them, scores the answers fairly, and prints appraisals."""
