"""What has to be done at Microsoft, as links, values to paste, a command line, and a manifest.

docs/app-registration.md has the same command and manifest from here. The ids are Microsoft's own,
the same in every tenant: "Microsoft Graph permissions reference".
"""

import json
from typing import Any, Final

GRAPH: Final = "00000003-0000-0000-c000-000000000000"
PRESENCE_READ: Final = "76bc735e-aecd-4a1d-8b4c-2b915deabb79"
"""The delegated permission Presence.Read."""
REDIRECT: Final = "http://localhost"
"""For a sign-in with a browser."""

_PORTALS: Final = {
    "usgov": "https://entra.microsoft.us",
    "dod": "https://entra.microsoft.us",
}
_TEXT: Final = (
    "https://github.com/busylight/busylight-presence/blob/main/docs/app-registration.md"
    "#a-text-for-your-administrator"
)
_BLADE: Final = "/#view/Microsoft_AAD_RegisteredApps"


def access() -> list[dict[str, Any]]:
    """What the app asks for: to read the signed-in person's own presence."""
    permission = {"id": PRESENCE_READ, "type": "Scope"}
    return [{"resourceAppId": GRAPH, "resourceAccess": [permission]}]


def manifest() -> str:
    """What the registration's manifest has to say, as JSON."""
    return json.dumps(
        {
            "displayName": "Busylight",
            "signInAudience": "AzureADMyOrg",
            "isFallbackPublicClient": True,
            "publicClient": {"redirectUris": [REDIRECT]},
            "requiredResourceAccess": access(),
        },
        indent=2,
    )


def command_line() -> str:
    """The same with Microsoft's `az`: it prints the client id, then the tenant id."""
    return "\n".join(
        [
            "az ad app create --display-name Busylight --sign-in-audience AzureADMyOrg \\",
            f"  --is-fallback-public-client true --public-client-redirect-uris {REDIRECT} \\",
            f"  --required-resource-accesses '{json.dumps(access(), separators=(',', ':'))}' \\",
            "  --query appId --output tsv",
            "az account show --query tenantId --output tsv",
        ]
    )


def to_register(cloud: str) -> str:
    """How to make the registration, up to the two values that are copied."""
    return f"""\
1. Open this address, and sign in with your work account:
   {_portal(cloud)}{_BLADE}/CreateApplicationBlade/quickStartType~/null/isMSAApp~/false
2. Name: Busylight. Supported account types: this organizational directory only (Single tenant).
   Redirect URI: choose "Public client/native (mobile & desktop)", and paste {REDIRECT}
3. Press Register. The page that comes, Overview, has the two values that are asked for next.
If there is no such page, or you lack permission, your company lets only some people register apps.
Here is a text for them:
{_TEXT}"""


def to_finish(cloud: str, client_id: str) -> str:
    """What is left to do once the registration is there."""
    menu = f"{_portal(cloud)}{_BLADE}/ApplicationMenuBlade/~"
    return f"""\
4. Allow the sign-in with a code: set "Allow public client flows" to Yes, and save:
   {menu}/Authentication/appId/{client_id}
5. Ask for the permission: Add a permission, Microsoft Graph, Delegated permissions, Presence.Read,
   Add permissions:
   {menu}/CallAnAPI/appId/{client_id}"""


def to_finish_by_manifest(cloud: str, client_id: str) -> str:
    """The same by the manifest."""
    return f"""\
4. Open this address, choose Manifest in its menu (Microsoft Graph App Manifest), give these members
   these values, and save:
   {_portal(cloud)}{_BLADE}/ApplicationMenuBlade/~/Overview/appId/{client_id}
{manifest()}"""


def _portal(cloud: str) -> str:
    return _PORTALS.get(cloud, "https://entra.microsoft.com")
