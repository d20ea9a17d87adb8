"""The people of the look-alike's company."""

from dataclasses import dataclass
from typing import Final

TENANT_ID: Final = "84841066-274d-4ec0-a5c1-276be684bdd3"
TENANT_DOMAIN: Final = "contoso.example"
PERSONAL_TENANT_ID: Final = "9188040d-6c67-4c5b-b112-36a304b66dad"
"""The tenant of every personal Microsoft account."""


@dataclass(frozen=True, slots=True)
class Person:
    """One account."""

    name: str
    principal_name: str
    object_id: str
    tenant_id: str = TENANT_ID

    @property
    def is_personal(self) -> bool:
        """Whether this is a personal account, which has no presence in Graph."""
        return self.tenant_id == PERSONAL_TENANT_ID


# The first three ids are those of Microsoft's "Get presence" page.
ADELE: Final = Person(
    "Adele Vance", "adele@contoso.example", "fa8bf3dc-eca7-46b7-bad1-db199b62afc3"
)
ALEX: Final = Person("Alex Wilber", "alex@contoso.example", "66825e03-7ef5-42da-9069-724602c31f6b")
MEGAN: Final = Person(
    "Megan Bowen", "megan@contoso.example", "dc74d9bb-6afe-433d-8eaa-e39d80d3a647"
)
PERSONAL: Final = Person(
    "Pat Private", "pat@outlook.example", "00000000-0000-0000-5f3a-9b8c7d6e5f4a", PERSONAL_TENANT_ID
)
EVERYONE: Final = (ADELE, ALEX, MEGAN, PERSONAL)
