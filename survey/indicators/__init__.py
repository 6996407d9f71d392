"""What an appraisal is drawn up from beside the survey: facts, events, visits, projects, goals and notes, each with its
source, each corrected only by a revision that keeps the old value."""
