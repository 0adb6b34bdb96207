"""Who a browser says it is: a name in a cookie, which only this server can have put there."""

import base64
import binascii
import hmac

from starlette.requests import Request
from starlette.responses import Response

from curator.errors import CuratorError
from curator.review.session import checked_name


class Nametags:
    """Writes names into cookies, and reads back those that it wrote.

    A name is signed with the token: cookies know no ports, so that another server on this machine could set
    one, and have labels stored in somebody else's name.
    """

    def __init__(self, token: str, port: int) -> None:
        self._key = token.encode()
        self._cookie = f"curator-name-{port}"

    def put_on(self, response: Response, name: str) -> None:
        """Give the browser a name for as long as it is open."""
        value = f"{base64.urlsafe_b64encode(name.encode()).decode()}.{self._signature(name)}"
        response.set_cookie(self._cookie, value, path="/", httponly=True, samesite="strict")

    def name(self, request: Request) -> str | None:
        """The name that a browser was given; None where it has none, or not from here."""
        said, _, signature = request.cookies.get(self._cookie, "").partition(".")
        try:
            name = checked_name(base64.urlsafe_b64decode(said.encode()).decode(), "annotator")
        except (binascii.Error, UnicodeError, CuratorError):
            return None
        return name if hmac.compare_digest(self._signature(name).encode(), signature.encode()) else None

    def _signature(self, name: str) -> str:
        return hmac.new(self._key, name.encode(), "sha256").hexdigest()
