"""The least a server can do: one route that says hello. What answering costs is told beside it."""

from __future__ import annotations

from flask import Flask

app = Flask(__name__)


@app.get("/hello")
@app.get("/privacy")
def hello() -> str:
    return "hello"
