"""Backups: everything an installation knows, in one file that either database can be made from again.

One format for both engines, not a copy of SQLite's file here and a `pg_dump` there: a pilot on SQLite moves to
PostgreSQL by the same two commands, no tool of another version has to be installed, and what is read back can be
compared with what was written, row by row. The file is a ZIP: each table as lines of JSON, each letter of the outbox,
and a manifest with the counts and digests of them all, written last. The keys are not in it.
"""
