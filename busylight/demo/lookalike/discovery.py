"""What Entra says of itself. Source: OpenID Connect Discovery 1.0."""

from busylight.demo.lookalike.messages import Response, json_response
from busylight.demo.lookalike.people import TENANT_ID


def instance(origin: str) -> Response:
    """Say that this host is one of Entra's, with no other names."""
    host = origin.removeprefix("https://")
    entry = {"preferred_network": host, "preferred_cache": host, "aliases": [host]}
    return json_response(
        200,
        {
            "tenant_discovery_endpoint": (
                f"{origin}/{TENANT_ID}/v2.0/.well-known/openid-configuration"
            ),
            "api-version": "1.1",
            "metadata": [entry],
        },
    )


def openid_configuration(origin: str, tenant: str, tenant_id: str) -> Response:
    """Say where things are for `tenant`, a name in the address, which stands for `tenant_id`."""
    endpoints = f"{origin}/{tenant}/oauth2/v2.0"
    return json_response(
        200,
        {
            "token_endpoint": f"{endpoints}/token",
            "token_endpoint_auth_methods_supported": ["client_secret_post", "private_key_jwt"],
            "jwks_uri": f"{origin}/{tenant}/discovery/v2.0/keys",
            "response_types_supported": ["code", "id_token"],
            "scopes_supported": ["openid", "profile", "email", "offline_access"],
            "issuer": f"{origin}/{tenant_id}/v2.0",
            "authorization_endpoint": f"{endpoints}/authorize",
            "device_authorization_endpoint": f"{endpoints}/devicecode",
            "end_session_endpoint": f"{endpoints}/logout",
            "tenant_region_scope": "EU",
            "cloud_instance_name": "microsoftonline.com",
            "msgraph_host": "graph.microsoft.com",
        },
    )
