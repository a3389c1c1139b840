"""A store is asked again for a while, and says in one sentence, without secrets, why it refuses."""

from __future__ import annotations

import itertools
from pathlib import Path

import pytest

from streamdet.errors import EngineError
from streamdet.stores.address import StoreAddress, parse_store_address
from streamdet.stores.refusals import refusal
from streamdet.stores.store import Patience, Store, StoreError, is_store_out
from tests.s3_server import BUCKET, SECRET, S3Server


@pytest.fixture
def store(s3: S3Server, monkeypatch: pytest.MonkeyPatch) -> Store:
    for name, value in s3.environment.items():
        monkeypatch.setenv(name, value)
    return Store("s3", Patience(attempts=4, first_s=0.0))


@pytest.fixture
def address(s3: S3Server, tmp_path: Path) -> StoreAddress:
    file = tmp_path / "x.bin"
    file.write_bytes(bytes(range(100)))
    return parse_store_address(s3.put(file, "folder/x.bin"))


def test_objects_are_listed_looked_at_read_written_and_removed(
    store: Store, address: StoreAddress, tmp_path: Path
) -> None:
    folder = parse_store_address(f"s3://{BUCKET}/folder")
    facts = store.facts(address)
    assert facts.size == 100
    assert store.matches(folder) == {address: facts}
    assert store.matches(folder / "*.bin") == {address: facts}
    assert store.matches(folder / "*.mp4") == {}
    assert store.matches(parse_store_address(f"s3://{BUCKET}/none")) == {}
    assert store.read(address, 3, 6) == bytes([3, 4, 5])
    store.put_bytes(b"new", address)
    assert store.get(address) == b"new"
    assert store.facts(address).stamp != facts.stamp
    store.download(address, tmp_path / "copy")
    store.put(tmp_path / "copy", folder / "y.bin")
    assert (tmp_path / "copy").read_bytes() == store.get(folder / "y.bin") == b"new"
    store.remove(folder / "y.bin")
    store.remove(folder / "y.bin")
    with pytest.raises(StoreError, match=rf"^s3://{BUCKET}/folder/y.bin: there is no such object$"):
        store.facts(folder / "y.bin")


@pytest.mark.parametrize("kind", ["busy", "cut", "expired"])
def test_what_passes_is_asked_again(
    kind: str, s3: S3Server, store: Store, address: StoreAddress
) -> None:
    calls = itertools.count()
    with s3.failing(lambda method, path: kind if next(calls) < 3 else None):
        assert store.read(address, 0, 100) == bytes(range(100))
    assert next(calls) == 4


@pytest.mark.parametrize(
    ("kind", "why"),
    [
        ("busy", "the store is busy, after 4 attempts"),
        ("cut", "the connection broke off, after 4 attempts"),
        ("expired", "the credentials have expired: get new ones .* after 4 attempts"),
    ],
)
def test_what_does_not_pass_is_said_in_one_sentence(
    kind: str, why: str, s3: S3Server, store: Store, address: StoreAddress
) -> None:
    with s3.failing(lambda method, path: kind), pytest.raises(StoreError) as failed:
        store.read(address, 0, 100)
    assert is_store_out(str(failed.value))
    failed.match(rf"^s3://{BUCKET}/folder/x.bin: cannot be read: the object store .*\({why}\)$")
    assert SECRET not in str(failed.value)


def test_credentials_that_were_renewed_in_their_file_are_read_again(
    s3: S3Server, address: StoreAddress, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in s3.environment.items():
        monkeypatch.setenv(name, value)
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.delenv(name)
    file = tmp_path / "credentials"
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(file))
    text = "[default]\naws_access_key_id = {}\naws_secret_access_key = {}\n"
    file.write_text(text.format("old", "old-secret"))

    def renew(wait_s: float) -> None:
        file.write_text(text.format("renewed", SECRET))

    renewed = Patience(4, first_s=0.0, sleep=renew)
    with s3.failing(lambda method, path: None if "renewed" in s3.key_id else "expired"):
        assert Store("s3", renewed).read(address, 0, 1) == b"\0"


def test_a_store_that_is_not_there_is_said(
    monkeypatch: pytest.MonkeyPatch, store: Store, address: StoreAddress
) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:9")
    import s3fs

    s3fs.S3FileSystem.clear_instance_cache()
    with pytest.raises(StoreError, match=r"\(the store does not answer, after 4 attempts\)"):
        store.facts(address)
    s3fs.S3FileSystem.clear_instance_cache()


def test_an_object_that_is_denied_says_nothing_of_the_store() -> None:
    assert refusal(PermissionError("secret")) == ("access is denied to these credentials", False)


def test_an_error_that_nobody_knows_is_told_by_its_name_alone() -> None:
    class WeirdError(Exception):
        pass

    text, may_pass = refusal(WeirdError("secret"))
    assert (text, may_pass) == ("the store or its library failed: WeirdError", True)


def test_a_package_that_is_missing_is_named() -> None:
    from importlib.util import find_spec

    if find_spec("adlfs") is not None:
        pytest.skip("adlfs is installed")
    with pytest.raises(EngineError, match=r"az:// needs adlfs: pip install -e '\.\[az\]'"):
        Store("az")
