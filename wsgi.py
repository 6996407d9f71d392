"""The door for a WSGI server: `gunicorn wsgi:app`."""

from survey.app import create_app
from survey.views import first_run

app = create_app()
first_run.announce(app)
