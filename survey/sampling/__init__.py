"""Whom a campaign asks: who can be asked at all (`frame`), what that can show (`planning`), and the draw (`draw`)."""
