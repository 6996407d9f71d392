"""Does the public address lead here? It is opened the way a customer's phone opens it."""

from __future__ import annotations

import ssl
import urllib.error
import urllib.request
from http.client import HTTPException

from survey.refusals import N_, Refused

SECONDS = 10
LONGEST_PAGE = 100_000


class NotAtTheDoor(Refused):
    """What a customer would find instead."""


class _NoRedirect(urllib.request.HTTPRedirectHandler):
    """Where an address leads on to another, that one belongs into the settings."""

    def redirect_request(self, *_: object) -> None:
        return None


def ring(base_url: str, *, sign: str) -> None:
    """Open the privacy notice under the public address and look for the company's sign, its contact, on it.

    Raises NotAtTheDoor.
    """
    opener = urllib.request.build_opener(_NoRedirect, urllib.request.ProxyHandler({}))
    try:
        with opener.open(f"{base_url}/privacy?lang=en", timeout=SECONDS) as answer:
            page = answer.read(LONGEST_PAGE).decode("utf-8", "replace")
    except urllib.error.HTTPError as other:
        with other:
            raise _led_elsewhere(base_url, other) from None
    except (OSError, HTTPException) as problem:
        raise _nobody(base_url, problem) from None
    if sign not in page:
        raise NotAtTheDoor(N_("Something else answers at %(address)s, not this site."), address=base_url)


def _led_elsewhere(base_url: str, other: urllib.error.HTTPError) -> NotAtTheDoor:
    if 300 <= other.code < 400 and other.headers.get("Location"):
        return NotAtTheDoor(
            N_("%(address)s leads on to %(elsewhere)s. Write the address it ends at into BASE_URL."),
            address=base_url, elsewhere=other.headers["Location"],
        )  # fmt: skip
    return NotAtTheDoor(
        N_("%(address)s answers with an error (%(code)s), not with this site."), address=base_url, code=other.code
    )


def _nobody(base_url: str, problem: Exception) -> NotAtTheDoor:
    reason = getattr(problem, "reason", problem)
    if isinstance(reason, ssl.SSLCertVerificationError):
        return NotAtTheDoor(
            N_("The certificate of %(address)s is not trusted (%(reason)s): customers' phones would warn of it."),
            address=base_url, reason=reason.verify_message,
        )  # fmt: skip
    return NotAtTheDoor(
        N_("Nobody answers at %(address)s as seen from the server: %(reason)s"), address=base_url, reason=str(reason)
    )
