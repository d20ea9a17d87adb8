"""Microsoft's clouds. Source: "National cloud deployments" of the Microsoft Graph documentation.

There is none for China: Microsoft offers no presence in the cloud operated by 21Vianet.
"""

from dataclasses import dataclass
from types import MappingProxyType
from typing import Final

PERSONAL_TENANT: Final = "9188040d-6c67-4c5b-b112-36a304b66dad"
"""Where Microsoft keeps personal accounts (outlook.com and such): they have no presence."""


@dataclass(frozen=True, slots=True)
class Cloud:
    """One national cloud."""

    graph_host: str
    login_host: str
    people: str
    """Who works there, as Microsoft's customers call it."""

    def scope(self, permission: str) -> str:
        """The full name of a permission of this cloud's Graph."""
        return f"https://{self.graph_host}/{permission}"


CLOUDS: Final = MappingProxyType(
    {
        "global": Cloud("graph.microsoft.com", "login.microsoftonline.com", "everyone, and GCC"),
        "usgov": Cloud("graph.microsoft.us", "login.microsoftonline.us", "US Gov L4, GCC High"),
        "dod": Cloud("dod-graph.microsoft.us", "login.microsoftonline.us", "US Gov L5, DoD"),
    }
)
