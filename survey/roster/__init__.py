"""The roster: the company, its territories, its people, its customers, and who serves whom."""
