from __future__ import annotations

import pytest

from streamdet.errors import ConfigError
from streamdet.stores.address import StoreAddress, is_store_address, parse_store_address


def test_an_address_is_read_and_written() -> None:
    address = parse_store_address("S3://bucket/a/b.c.mp4")
    assert address == StoreAddress("s3", "bucket/a/b.c.mp4")
    assert (address.name, address.stem, address.suffix) == ("b.c.mp4", "b.c", ".mp4")
    assert str(parse_store_address("gs://bucket/folder/") / "x") == "gs://bucket/folder/x"
    assert (StoreAddress("s3", "b/.hidden").stem, StoreAddress("s3", "b/x").suffix) == (
        ".hidden",
        "",
    )


@pytest.mark.parametrize("text", ["s3://", "s3:///key", "az://b/\x07", "gs:// "])
def test_a_wrong_address_is_said(text: str) -> None:
    assert is_store_address(text)
    with pytest.raises(ConfigError, match=r"wanted (s3|gs|az)://BUCKET/KEY|cannot"):
        parse_store_address(text.strip())


def test_an_address_with_a_password_is_refused_and_not_shown() -> None:
    with pytest.raises(ConfigError) as refused:
        parse_store_address("s3://KEYID:canary@bucket/x.mp4")
    assert "canary" not in str(refused.value)
    assert "credentials file" in str(refused.value)
