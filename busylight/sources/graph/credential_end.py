"""When the app's own credential ends, and telling people of it in time.

A certificate says so itself. Of a client secret Microsoft tells the end only to whoever may read
app registrations, which we never ask for: so a person may say it, `GRAPH_CLIENT_SECRET_ENDS`.
"""

from datetime import date, timedelta
from typing import Final

from busylight.sources.graph.settings import GraphSettings

NOTICE: Final = timedelta(days=30)
"""How long before the end people are told."""


def last_day(settings: GraphSettings) -> date | None:
    """The credential's last day; None: there is none, or nobody has said it."""
    if settings.certificate_file is None:
        return None if settings.client_secret is None else settings.client_secret_ends
    from busylight.sources.graph import certificate  # noqa: PLC0415 -- cryptography is large

    password = settings.certificate_password
    secret = None if password is None else password.get_secret_value().encode()
    try:
        return certificate.last_day(settings.certificate_file, secret)
    except ValueError:
        return None  # told by the settings, or by the sign-in that fails


def warning(settings: GraphSettings, today: date) -> str | None:
    """What to tell people from 30 days before the end on; None: nothing yet."""
    end = last_day(settings)
    if end is None or today < end - NOTICE:
        return None
    what = "client secret" if settings.certificate_file is None else "certificate"
    days = (end - today).days
    when = f"ends on {end} (in {days} day{'s' * (days > 1)})" if days > 0 else f"ends today ({end})"
    if days < 0:
        when = f"has ended on {end}"
    return (
        f"the app's {what} {when}: make a new one in Entra (App registrations, this app, "
        "Certificates & secrets), and run `busylight setup` again"
    )
