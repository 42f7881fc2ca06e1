"""Signed addresses of pictures in a folder, served by the web process."""

import hmac

_SHORTEST_SECRET = 16  # bytes


class Links:
    """Makes and checks `<base_url>/pictures/<key>?expires=<unix seconds>&signature=<hex>`."""

    def __init__(self, secret: bytes, base_url: str) -> None:
        if len(secret) < _SHORTEST_SECRET:
            raise ValueError(f"the secret of links has at least {_SHORTEST_SECRET} bytes")
        self._secret = secret
        self._base_url = base_url.rstrip("/")

    def address(self, key: str, expires: int) -> str:
        """Return the signed address of a picture; `expires` in seconds since the epoch."""
        return f"{self._base_url}/pictures/{key}?expires={expires}&signature={self.sign(key, expires)}"

    def sign(self, key: str, expires: int) -> str:
        """Return the signature in hex: HMAC-SHA256 (RFC 2104) of key and expiry."""
        return hmac.digest(self._secret, f"picture\n{key}\n{expires}".encode(), "sha256").hex()

    def verify(self, key: str, expires: int, signature: str, now: float) -> bool:
        """Return whether the signature is ours and `now`, in seconds since the epoch, is before `expires`."""
        # as bytes: compare_digest refuses text with letters outside ASCII, and anyone may send some
        genuine = hmac.compare_digest(self.sign(key, expires).encode(), signature.encode())
        return genuine and now < expires
