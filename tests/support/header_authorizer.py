"""An authorizer for tests: each request names in a header what it is allowed."""

from jupyter_server.auth.authorizer import Authorizer

__all__ = ["ALLOWED", "HeaderAuthorizer"]

ALLOWED = "X-Allowed"
"""The header: words such as `attune:read kernels:execute`; a request without it may do anything."""


class HeaderAuthorizer(Authorizer):
    """Allows what the header says."""

    def is_authorized(self, handler, user, action, resource):
        allowed = handler.request.headers.get(ALLOWED)
        return allowed is None or f"{resource}:{action}" in allowed.split()
