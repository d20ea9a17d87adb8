"""Microsoft's reasons for refusing a sign-in (AADSTS numbers): a text of our own for each.

Source: "Microsoft Entra authentication and authorization error codes", and what people meet.
docs/app-registration.md has the same table from here.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum
from types import MappingProxyType
from typing import Final


class Who(Enum):
    """Who can mend it; the value is how that is told."""

    YOU = "you"
    ADMIN = "an administrator"
    OWNER = "whoever owns the app registration"


class Way(Enum):
    """Another way to a light, where this one is closed."""

    BROWSER = "sign in with a browser instead (`busylight login --browser`)"
    APP = (
        "read by app permission instead (BUSYLIGHT_GRAPH_CLIENT_SECRET or _CERTIFICATE_FILE), "
        "which needs no sign-in"
    )
    MQTT = "read from MQTT (BUSYLIGHT_SOURCE=mqtt), which asks Microsoft nothing"


@dataclass(frozen=True, slots=True)
class Reason:
    """One of Microsoft's reasons."""

    meaning: str
    remedy: str
    """What to do, as an infinitive without its "to"."""
    who: Who = Who.YOU
    ways: tuple[Way, ...] = (Way.APP, Way.MQTT)
    """What else leads to a light."""

    @property
    def advice(self) -> str:
        """What to do, who has to do it, and, where that is not you, what else there is."""
        if self.who is Who.YOU:
            return self.remedy
        asked = {
            Who.ADMIN: f"ask an administrator of your Microsoft 365 to {self.remedy}",
            Who.OWNER: f"have the owner of the app registration {self.remedy}",
        }[self.who]
        easy = [way.value for way in self.ways if way is Way.BROWSER]
        others = [way.value for way in self.ways if way is not Way.BROWSER]
        return ", or ".join([*easy, asked, *others])


AGAIN: Final = "sign in again"
_ALL: Final = (Way.BROWSER, Way.APP, Way.MQTT)
_NO_OTHER_SIGN_IN: Final = (Way.MQTT,)
_ENTRA: Final = "in Entra (App registrations, this app"
_IDS: Final = (
    "check BUSYLIGHT_GRAPH_CLIENT_ID and BUSYLIGHT_GRAPH_TENANT_ID against the app registration"
)
_TENANT: Final = "correct BUSYLIGHT_GRAPH_TENANT_ID"
_OF_THE_COMPANY: Final = "sign in with an account of the organisation, or " + _TENANT


def _admin(meaning: str, remedy: str, ways: tuple[Way, ...] = (Way.APP, Way.MQTT)) -> Reason:
    return Reason(meaning, remedy, Who.ADMIN, ways)


def _owner(meaning: str, remedy: str, ways: tuple[Way, ...] = (Way.MQTT,)) -> Reason:
    return Reason(meaning, remedy, Who.OWNER, ways)


_REVOKED: Final = Reason("the sign-in was revoked, or the password was changed", AGAIN)
_EXPIRED: Final = Reason("the sign-in has expired", AGAIN)
_DUE: Final = Reason("the company asks for a new sign-in now and then, and it is due", AGAIN)
_SECOND_FACTOR: Final = Reason("multi-factor sign-in is asked for", AGAIN)
_SECOND_FACTOR_TO_SET_UP: Final = Reason(
    "multi-factor sign-in has to be set up first",
    "set it up in a browser (https://aka.ms/mfasetup), then sign in again",
)
_MANAGED: Final = _admin("the company allows managed devices only", "allow this app")
_BLOCKED: Final = _admin("the company's security policy blocks this sign-in", "allow this app")
_CONSENT: Final = f'grant consent {_ENTRA}, API permissions, "Grant admin consent")'
_NEEDS_ADMIN: Final = _admin(
    "an administrator has to consent to what this app asks for", _CONSENT, _NO_OTHER_SIGN_IN
)
_REPLY_ADDRESS: Final = (
    f'add "http://localhost" {_ENTRA}, Authentication, Add a platform, Mobile and desktop '
    "applications)"
)
_CODE: Final = "sign in with a code (`busylight login`)"
_NEW_SECRET: Final = (
    f"make a new one {_ENTRA}, Certificates & secrets) and copy its Value, not its Secret ID, into "
    "BUSYLIGHT_GRAPH_CLIENT_SECRET"
)
_UPLOAD: Final = (
    "upload the certificate of BUSYLIGHT_GRAPH_CERTIFICATE_FILE to it (Certificates & secrets), or "
    "correct that setting"
)

REASONS: Final[Mapping[int, Reason]] = MappingProxyType(
    {
        # The sign-in has ended.
        700082: Reason("the sign-in was not used for so long that it has expired", AGAIN),
        70008: _EXPIRED,
        700084: _EXPIRED,
        70043: _DUE,
        70044: _DUE,
        50173: _REVOKED,
        50132: _REVOKED,
        50133: Reason("the session has ended because the password expired or was changed", AGAIN),
        54005: Reason("the sign-in has been used up already", AGAIN),
        # More is asked of the person.
        50074: _SECOND_FACTOR,
        50076: _SECOND_FACTOR,
        50078: Reason("the multi-factor sign-in has expired", AGAIN),
        50072: _SECOND_FACTOR_TO_SET_UP,
        50079: _SECOND_FACTOR_TO_SET_UP,
        50158: Reason(
            "the company's own security check is asked for",
            "sign in again, and pass that check in the browser",
            ways=_ALL,
        ),
        50055: Reason("the password has expired", "set a new one in a browser, then sign in again"),
        50135: Reason(
            "the password must be changed because the account looks at risk",
            "change it in a browser, then sign in again",
        ),
        # The account.
        50034: Reason("this account does not exist in the organisation", _OF_THE_COMPANY),
        50020: Reason("this account does not belong to the organisation", _OF_THE_COMPANY),
        500341: _admin("the account was deleted", "bring it back, or sign in with another one"),
        50053: _admin("the account is locked after too many attempts", "unlock it, or wait"),
        50057: _admin("the account is disabled", "enable it"),
        50058: Reason("nobody is signed in in that browser", AGAIN),
        50126: Reason("user name or password is wrong", AGAIN),
        50105: _admin(
            "the account is not assigned to this app",
            "assign it (Enterprise applications, this app, Users and groups)",
        ),
        # The company's policy.
        53000: _MANAGED,
        530003: _MANAGED,
        53001: _admin("the company allows devices of its own domain only", "allow this app"),
        53002: _admin("the company allows approved apps only", "allow this app"),
        53003: _admin(
            "the company's Conditional Access blocks this sign-in (many block device codes)",
            "allow this app",
            _ALL,
        ),
        53011: _admin("the account is blocked because it looks at risk", "dismiss that risk"),
        50097: _admin(
            "the company asks for a sign-in from a registered device", "allow this app", _ALL
        ),
        530032: _BLOCKED,
        530034: _BLOCKED,
        50199: Reason("the sign-in was not confirmed in the browser", AGAIN),
        # Consent.
        65001: _admin(
            "nobody has consented to what this app asks for",
            f"{_CONSENT} if signing in again does not ask you for it",
            _NO_OTHER_SIGN_IN,
        ),
        65004: Reason(
            "the person declined to consent",
            "sign in again and consent: it is to read your presence, and nothing else",
            ways=_NO_OTHER_SIGN_IN,
        ),
        90094: _NEEDS_ADMIN,
        90095: _NEEDS_ADMIN,
        # The app registration.
        50011: _owner(
            "the app registration's reply address does not fit", f"{_REPLY_ADDRESS}, or {_CODE}"
        ),
        500113: _owner(
            "the app registration has no reply address", f"{_REPLY_ADDRESS}, or {_CODE}"
        ),
        900971: _owner(
            "the app registration has no reply address", f"{_REPLY_ADDRESS}, or {_CODE}"
        ),
        700016: Reason("this organisation does not know the app", _IDS, ways=_NO_OTHER_SIGN_IN),
        70001: Reason("the app is not known or disabled", _IDS, ways=_NO_OTHER_SIGN_IN),
        90002: Reason("there is no such tenant", _TENANT, ways=_NO_OTHER_SIGN_IN),
        900023: Reason("that is no tenant", _TENANT, ways=_NO_OTHER_SIGN_IN),
        50059: Reason(
            "the tenant is not named", "set BUSYLIGHT_GRAPH_TENANT_ID", ways=_NO_OTHER_SIGN_IN
        ),
        50194: Reason(
            "the app is registered for one organisation only",
            "set BUSYLIGHT_GRAPH_TENANT_ID to that organisation's directory (tenant) id",
            ways=_NO_OTHER_SIGN_IN,
        ),
        900144: Reason(
            "something is missing in what the program asked", _IDS, ways=_NO_OTHER_SIGN_IN
        ),
        9002313: Reason("Microsoft does not know that code", AGAIN, ways=_ALL),
        500011: Reason(
            "this organisation does not know Graph by that name",
            "check BUSYLIGHT_GRAPH_CLOUD",
            ways=_NO_OTHER_SIGN_IN,
        ),
        650052: _admin(
            "this organisation has no licence for what is asked for",
            "look for a licence with Teams",
            _NO_OTHER_SIGN_IN,
        ),
        650057: _owner(
            "the app registration does not list the permission",
            f"add it {_ENTRA}, API permissions)",
        ),
        7000112: _admin("the app is disabled", "enable it (Enterprise applications, this app)"),
        7000218: _owner(
            "the app registration does not allow device codes",
            f'set "Allow public client flows" to Yes {_ENTRA}, Authentication)',
            _ALL,
        ),
        # The app's own credential.
        70002: _owner("the app's credential is refused", _IDS),
        7000215: _owner("the client secret is wrong", _NEW_SECRET),
        7000222: _owner("the client secret has expired", _NEW_SECRET),
        700027: _owner("Entra does not know the certificate", _UPLOAD),
        700030: _owner("the certificate does not fit the app registration", _UPLOAD),
        5000229: _owner("the certificate has expired", _UPLOAD),
        700024: Reason(
            "the proof made with the certificate is not valid now",
            "set this machine's clock, which looks wrong: see that it is set by NTP",
            ways=_NO_OTHER_SIGN_IN,
        ),
    }
)

NOT_CONSENTED: Final = frozenset({65001, 65004, 90094, 90095, 650057})
"""Numbers that say that a sign-in is good, but not for what is asked for."""
