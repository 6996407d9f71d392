"""Writing one letter out of what waits for one person. The links in it are made now, so the letter has to leave."""

from __future__ import annotations

from collections.abc import Sequence

from survey.context import company, now, session, settings
from survey.invitations import links
from survey.letters import Asked, Letter, Way
from survey.models.sending import OutboxMessage


def letter(messages: Sequence[OutboxMessage], way: Way) -> Letter:
    """One letter for all messages of one person, with a fresh link for each invitation."""
    contact = messages[0].invitation.contact
    return Letter(
        message_id=messages[0].message_id,
        to_name=contact.name if contact else "",
        to_address=(way.address(contact) or "") if contact else "",
        language=contact.language if contact else "zh",
        company_zh=company().name_zh,
        company_en=company().name,
        asked=tuple(_asked(message, among_others=len(messages) > 1) for message in messages),
        written_at=messages[0].created_at,
        privacy_link=f"{settings().base_url}/privacy",
    )


def _asked(message: OutboxMessage, *, among_others: bool) -> Asked:
    """`among_others`: the letter asks more than this, so it has to say which is which."""
    invitation, told = message.invitation, settings()
    token = links.mint(session(), invitation.id, keys=told.token_keys, at=now())
    return Asked(
        reps=tuple(subject.rep.name for subject in invitation.subjects),
        closes_on=invitation.campaign.closes_on,
        link=f"{told.base_url}/s/{token}",
        reminder=message.number > 0,
        customer=invitation.customer.name if among_others else "",
        about_zh=invitation.campaign.asked_about["zh"] if among_others else "",
        about_en=invitation.campaign.asked_about["en"] if among_others else "",
    )
