"""What the domain name system says: the TXT records of a name."""

from __future__ import annotations

SECONDS = 3.0


class LookupFailed(Exception):
    """Nobody answered; that says nothing about the name."""


def texts(name: str) -> tuple[str, ...]:
    """The TXT records of a name; none when it has none. Raises LookupFailed."""
    import dns.exception
    import dns.resolver

    try:
        answer = dns.resolver.resolve(name, "TXT", lifetime=SECONDS, search=False)
    except (dns.resolver.NXDOMAIN, dns.resolver.NoAnswer):
        return ()
    except (dns.exception.DNSException, OSError, ValueError) as problem:
        raise LookupFailed(f"{type(problem).__name__}") from None
    return tuple(b"".join(record.strings).decode("utf-8", "replace") for record in answer)
