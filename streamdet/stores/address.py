"""Addresses of objects in stores: `s3://BUCKET/KEY`, `gs://...`, `az://...`."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final

from streamdet.errors import ConfigError
from streamdet.system.redaction import short

PROTOCOLS: Final = ("s3", "gs", "az")
"""Stores by the scheme of their addresses; each needs the extra of its name."""

_ADDRESS: Final = re.compile(rf"({'|'.join(PROTOCOLS)})://(.*)", re.IGNORECASE | re.DOTALL)


@dataclass(frozen=True, slots=True)
class StoreAddress:
    """An object in a store, or a folder: what several objects' keys begin with.

    Attributes:
        protocol: of PROTOCOLS.
        path: bucket and key, joined by slashes, none at the end.
    """

    protocol: str
    path: str

    def __str__(self) -> str:
        return f"{self.protocol}://{self.path}"

    def __truediv__(self, name: str) -> StoreAddress:
        """Name something in this folder."""
        return StoreAddress(self.protocol, f"{self.path}/{name}")

    @property
    def name(self) -> str:
        """The last part of the key."""
        return self.path.rpartition("/")[2]

    @property
    def stem(self) -> str:
        """The last part of the key without its suffix."""
        return self.name.rpartition(".")[0] or self.name

    @property
    def suffix(self) -> str:
        """How the key ends, from its last dot on; "" where it has none."""
        return self.name[len(self.stem) :]


def is_store_address(text: str) -> bool:
    """Say whether text is meant as an address in an object store, even a wrong one."""
    return _ADDRESS.match(text) is not None


def parse_store_address(text: str) -> StoreAddress:
    """Read an address.

    Raises:
        ConfigError: it is wrong; the sentence shows no secret.
    """
    match = _ADDRESS.match(text)
    if match is None:
        wanted = ", ".join(f"{name}://" for name in PROTOCOLS)
        raise ConfigError(f"{short(text)}: is in no object store, wanted one of {wanted}")
    protocol, path = match[1].lower(), match[2].rstrip("/")
    bucket = path.partition("/")[0]
    if "@" in bucket or ":" in bucket:
        raise ConfigError(
            f"{protocol}://...: an address holds no keys or passwords: they come from the"
            " environment or the credentials file of the store's own tools"
        )
    if not bucket or not path.isprintable():
        raise ConfigError(f"{short(text)}: wanted {protocol}://BUCKET/KEY")
    return StoreAddress(protocol, path)
