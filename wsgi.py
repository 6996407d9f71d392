"""The door for a WSGI server: `gunicorn wsgi:app`."""

import gc

from survey.app import create_app
from survey.views import first_run

app = create_app()
first_run.announce(app)
gc.freeze()  # what stays for good need not be looked through while somebody waits for a page
