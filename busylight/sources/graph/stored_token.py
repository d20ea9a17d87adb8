"""The access token in the cache as it stands, where msal would give that very one.

msal takes as long to load as a tenth of the start, and asks the sign-in server for its addresses
first. Whatever is not plain here is left to it.
"""

import time
from collections.abc import Iterable, Mapping
from typing import Any, Final
from urllib.parse import urlsplit

_BEARER: Final = "bearer"


def stored_token(
    cache: Mapping[str, Mapping[str, Mapping[str, Any]]],
    authority: str,
    client_id: str,
    home_account_id: str,
    scopes: Iterable[str],
) -> dict[str, Any] | None:
    """The token that fits exactly, as msal would answer; None: there is none, or it is unsure.

    `cache` is a well-formed one. How long it is good by the wall clock is in `expires_in`.
    """
    address = urlsplit(authority)
    wanted = {
        "client_id": client_id,
        "environment": (address.hostname or "").lower(),
        # One that is set by a domain stands there by its id: that msal has to find out.
        "realm": address.path.strip("/"),
        "home_account_id": home_account_id,
    }
    fitting = [
        entry
        for entry in cache.get("AccessToken", {}).values()
        if all(entry.get(name) == value for name, value in wanted.items())
        and set(scopes) <= set(entry["target"].split())
    ]
    if len(fitting) != 1:
        return None  # of several msal has its own choice
    (entry,) = fitting
    wall = time.time()
    is_due = "refresh_on" in entry and int(entry["refresh_on"] or 0) < wall
    is_plain = "ext_cache_key" not in entry and "key_id" not in entry
    if is_due or not is_plain or str(entry.get("token_type")).lower() != _BEARER:
        return None
    return {"access_token": entry["secret"], "expires_in": int(entry["expires_on"]) - int(wall)}
