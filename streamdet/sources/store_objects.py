"""Finds the videos that an address in an object store stands for."""

from __future__ import annotations

from streamdet.errors import ConfigError, StreamdetError
from streamdet.sources.media_names import is_image_name, may_be_media, natural_key
from streamdet.stores.address import StoreAddress, parse_store_address
from streamdet.stores.store import Store


def list_objects(uri: str) -> list[StoreAddress]:
    """List an object, the objects that a glob matches, or those in a folder, in natural order.

    As in folders of a disk, only hidden names and suffixes that are not media are left out.

    Raises:
        ConfigError: there is none, they are images, or the store cannot be asked.
    """
    address = parse_store_address(uri)
    try:
        store = Store(address.protocol)
        objects = [address] if store.exists(address) else _listed(store, address)
    except StreamdetError as exc:
        raise ConfigError(str(exc)) from exc
    if not objects:
        raise ConfigError(f"{address}: no object has this key, matches it or lies in this folder")
    if all(is_image_name(each.name) for each in objects):
        raise ConfigError(
            f"{address}: images are read from disks only: copy them to this machine first"
        )
    return objects


def _listed(store: Store, address: StoreAddress) -> list[StoreAddress]:
    found = (each for each in store.matches(address) if may_be_media(each.name))
    return sorted(found, key=natural_key)
