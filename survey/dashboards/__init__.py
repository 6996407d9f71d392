"""What managers and reviewers read, from stored rows of the last run of a period: the team beside one another
(`team`), and one rep with the working shown (`rep`). What a run withheld does not leave this room."""
