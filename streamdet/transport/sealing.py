"""Requests that only the run can read: addresses of cameras hold passwords.

A run makes a pair of keys when it starts and publishes the public one. What is encrypted with it
(libsodium's sealed box: X25519, XSalsa20-Poly1305) only the run's supervisor can decrypt, which
keeps the private key in its memory and nowhere else.
"""

from __future__ import annotations

from streamdet.errors import TransportError


class Unsealer:
    """The run's pair of keys.

    Attributes:
        public_key: 32 bytes, for `sealed`.
    """

    def __init__(self) -> None:
        """Make the keys."""
        from nacl.public import PrivateKey

        self._private = PrivateKey.generate()
        self.public_key = bytes(self._private.public_key)

    def unsealed(self, box: bytes) -> bytes:
        """Decrypt; the inverse of `sealed`.

        Raises:
            TransportError: it was not encrypted for this run.
        """
        from nacl.exceptions import CryptoError
        from nacl.public import SealedBox

        try:
            return SealedBox(self._private).decrypt(box)
        except (CryptoError, ValueError, TypeError) as exc:
            raise TransportError("the request is not meant for this run") from exc


def sealed(text: bytes, public_key: bytes) -> bytes:
    """Encrypt for the run with this public key.

    Raises:
        TransportError: that is no key.
    """
    from nacl.public import PublicKey, SealedBox

    try:
        return SealedBox(PublicKey(public_key)).encrypt(text)
    except (ValueError, TypeError) as exc:
        raise TransportError("the run's public key cannot be read") from exc
