"""How long things take and how much memory they need: ``python -m tests.bench`` measures and writes results.md.

Nothing is asserted here: the figures are read. A subject is a function that takes a folder for its files and returns a
:class:`tests.bench.report.Section`. Whatever is measured runs in a fresh process, and this one stays small, because a
process inherits the peak memory of the one that started it.
"""
