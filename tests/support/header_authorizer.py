"""An authorizer for tests: a header of each request names the actions that are allowed."""

from jupyter_server.auth.authorizer import Authorizer

__all__ = ["ALLOWED", "HeaderAuthorizer"]

ALLOWED = "X-Allowed"
"""The header: words such as `attune:read kernels:execute`; a request without it may do anything."""


class HeaderAuthorizer(Authorizer):
    """Allows the actions that the header names."""

    def is_authorized(self, handler, user, action, resource):
        allowed = handler.request.headers.get(ALLOWED)
        return allowed is None or f"{resource}:{action}" in allowed.split()
