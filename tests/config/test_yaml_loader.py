from __future__ import annotations

import re
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from streamdet.config.overrides import parse_option, put, split_set
from streamdet.config.yaml_loader import (
    parse_scalar,
    parse_yaml,
    read_yaml,
)
from streamdet.errors import ConfigError


def fault(text: str, environ: dict[str, str] | None = None) -> str:
    with pytest.raises(ConfigError) as caught:
        parse_yaml(text, "f.yaml", environ)
    return str(caught.value)


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("4", 4),
        ("-4", -4),
        ("0x1F", 31),
        ("0o17", 15),
        ("1.5", 1.5),
        (".5", 0.5),
        ("2e3", 2000.0),
        ("true", True),
        ("False", False),
        ("null", None),
        ("~", None),
        ("", None),
        ("yes", "yes"),
        ("12:30", "12:30"),
        ("2026-11-01", "2026-11-01"),
        ("1_000", "1_000"),
        (".inf", ".inf"),
        ("9" * 19, 1e19),
        ("5fps", "5fps"),
    ],
)
def test_plain_scalars_have_the_types_of_the_core_schema(text: str, value: object) -> None:
    parsed = parse_scalar(text)
    assert parsed == value
    assert type(parsed) is type(value)


def test_values_come_with_the_lines_of_their_keys() -> None:
    parsed = parse_yaml("a: 1\nb:\n  c: [x, 2]\n", "f.yaml")
    assert parsed.values == {"a": 1, "b": {"c": ["x", 2]}}
    assert parsed.place(("b", "c")) == "f.yaml:3"
    assert parsed.place(("b", "c", 1)) == "f.yaml:3"
    assert parsed.place(("b", "unknown", "deeper")) == "f.yaml:2"


def test_quoted_numbers_stay_text() -> None:
    assert parse_yaml("a: '4'", "f.yaml", {}).values == {"a": "4"}


def test_empty_text_is_nothing() -> None:
    assert parse_yaml("# only a comment\n", "f.yaml").values is None


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("a: 1\nb: 2\na: 3", "f.yaml:3: key 'a' stands twice, first in line 1"),
        ("a:\n\tb: 1", "f.yaml:2: a tab stands where YAML allows only spaces"),
        ("a: [1, 2", "f.yaml:1: not YAML: "),
        ("a: 1\n4: x", "f.yaml:2: a key must be text, got 4: write it in quotes"),
        ("[a]: x", "f.yaml:1: a key must be text"),
        ("a: !!python/name:os.system x", "f.yaml:1: tags are not supported"),
        ("a: !mine x", "f.yaml:1: tags are not supported, got !mine"),
        ("a: *b", "f.yaml:1: alias *b has no anchor before it"),
        ("a: &b [*b]", "f.yaml:1: alias *b has no anchor before it"),
        ("a: 1\n---\nb: 2", "f.yaml:2: must hold one document, got a second one"),
        ("a: \x01", "f.yaml: holds a character that YAML does not allow"),
    ],
)
def test_what_is_not_in_the_subset_is_one_sentence_with_its_line(text: str, sentence: str) -> None:
    assert fault(text).startswith(sentence)
    assert "\n" not in fault(text)


def test_twenty_levels_are_accepted_and_twenty_one_are_not() -> None:
    parse_yaml("[" * 20 + "]" * 20, "f.yaml")
    assert fault("[" * 21 + "]" * 21) == "f.yaml:1: is nested more than 20 levels deep"


def test_a_million_brackets_are_refused_quickly() -> None:
    assert "nested more than 20" in fault("[" * 1_000_000)


def test_more_than_a_mebibyte_is_refused() -> None:
    assert fault("a" * (1 << 20) + "b") == "f.yaml: must be at most 1 MiB of YAML"


def test_aliases_repeat_their_anchor() -> None:
    parsed = parse_yaml("a: &x {k: '${KEY}'}\nb: *x\n", "f.yaml", {"KEY": "hidden"})
    assert parsed.values["b"] == {"k": "hidden"}
    assert parsed.values["b"] is not parsed.values["a"]
    assert parsed.shown(("b", "k"), "hidden") == "${KEY}"
    assert parsed.place(("b",)) == "f.yaml:2"


def test_aliases_that_grow_exponentially_are_refused() -> None:
    lines = ["a0: &a0 [x, x, x, x, x, x, x, x, x, x]"]
    lines += [f"a{i}: &a{i} [{', '.join([f'*a{i - 1}'] * 10)}]" for i in range(1, 9)]
    assert "holds more than 10000 values" in fault("\n".join(lines))


def test_a_hundred_aliases_are_accepted_and_one_more_is_not() -> None:
    parse_yaml("a: &x 1\nb: [" + ", ".join(["*x"] * 100) + "]", "f.yaml")
    assert "more than 100 aliases" in fault("a: &x 1\nb: [" + ", ".join(["*x"] * 101) + "]")


@pytest.mark.parametrize(
    ("written", "value"),
    [
        ("${N}", 4),
        ("'${N}'", 4),
        ("${NO:-7}", 7),
        ("${EMPTY:-7}", 7),
        ("${EMPTY}", None),
        ("${NO:-}", None),
        ("a${N}b${N}", "a4b4"),
        ("$${N}", "${N}"),
        ("${ONCE}", "${N}"),
        ("$N", "$N"),
        ("'${LIST}'", "[1, 2]"),
    ],
)
def test_variables_are_replaced_once_and_typed_like_plain_text(written: str, value: object) -> None:
    environ = {"N": "4", "EMPTY": "", "ONCE": "${N}", "LIST": "[1, 2]"}
    assert parse_yaml(f"a: {written}", "f.yaml", environ).values == {"a": value}


def test_keys_are_not_replaced() -> None:
    assert parse_yaml("'${N}': 1", "f.yaml", {"N": "4"}).values == {"${N}": 1}


def test_an_unset_variable_is_named() -> None:
    assert fault("a: 1\nb: ${NO}", {}) == "f.yaml:2: the environment variable NO is not set"


def test_a_malformed_variable_is_an_error() -> None:
    assert "must go on as ${NAME}" in fault("a: '${1x}'", {})


def test_values_from_the_environment_are_shown_with_their_name() -> None:
    parsed = parse_yaml("a: x${N:-7}", "f.yaml", {"N": "4"})
    assert parsed.shown(("a",), "x4") == "'x4'"
    assert parsed.explained((), "came x4") == "came x4 (from x${N:-7})"
    assert parsed.explained((), "came too late") == "came too late"
    assert parsed.explained(("b",), "came x4") == "came x4"


def test_secrets_from_the_environment_are_shown_by_name_only() -> None:
    parsed = parse_yaml("a: x${SECRET}\nb: [1]", "f.yaml", {"SECRET": "pa55"})
    assert parsed.shown(("a",), "xpa55") == "x${SECRET}"
    assert parsed.shown((), {"a": "xpa55"}) == "a value that uses the environment"
    assert parsed.explained((), "came xpa55") == "came x${SECRET}"


def test_what_is_forgotten_is_neither_shown_nor_hidden() -> None:
    parsed = parse_yaml("a: {k: '${SECRET}'}", "f.yaml", {"SECRET": "pa55"})
    parsed.copy(("a",), ("b",))
    parsed.forget(("a",))
    assert parsed.shown(("a", "k"), "new") == "'new'"
    assert parsed.shown(("b", "k"), "pa55") == "${SECRET}"


def test_an_option_has_no_line_number() -> None:
    with pytest.raises(ConfigError, match=r"^--set a=\[: not YAML"):
        parse_option("[", "--set a=[")


def test_shown_values_are_short_and_without_passwords() -> None:
    parsed = parse_yaml("a: 1", "f.yaml")
    assert parsed.shown(("a",), "redis://u:pw@h") == "'redis://u:***@h'"
    assert parsed.shown(("a",), {"k": [1, 2]}) == "{k: [1, 2]}"
    assert len(parsed.shown(("a",), "x" * 1000)) == 80


@given(st.text("ab:-[]{}&*!'\"$\n\t #|>%@,?x1", max_size=60))
def test_any_text_is_values_or_one_sentence(text: str) -> None:
    try:
        parse_yaml(text, "f.yaml", {})
    except ConfigError as exc:
        assert str(exc).startswith("f.yaml")
        assert "\n" not in str(exc)


def test_a_file_that_is_not_there_is_one_sentence(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="no such file"):
        read_yaml(tmp_path / "no.yaml")
    with pytest.raises(ConfigError, match="not a file"):
        read_yaml(tmp_path)


def test_a_file_that_is_not_utf8_is_named_with_its_line(tmp_path: Path) -> None:
    (tmp_path / "f.yaml").write_bytes(b"a: 1\nb: \xff")
    with pytest.raises(ConfigError, match=r"f\.yaml:2: must be UTF-8, got byte 0xff"):
        read_yaml(tmp_path / "f.yaml")


def test_a_byte_order_mark_is_no_part_of_the_text(tmp_path: Path) -> None:
    (tmp_path / "f.yaml").write_bytes(b"\xef\xbb\xbfa: 1")
    assert read_yaml(tmp_path / "f.yaml").values == {"a": 1}


def test_a_file_that_cannot_be_read_is_one_sentence(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "f.yaml").touch()

    def refuse(*_: object, **__: object) -> None:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(Path, "open", refuse)
    with pytest.raises(ConfigError, match=r"f\.yaml: cannot be read: Permission denied"):
        read_yaml(tmp_path / "f.yaml")


def test_put_reaches_an_entry_of_a_list() -> None:
    text = parse_yaml("data:\n  - {name: a}\n  - {name: b}", "f.yaml")
    put(text, ("data", "1", "name"), "c", "--set data.1.name=c")
    assert text.values == {"data": [{"name": "a"}, {"name": "c"}]}
    assert text.place(("data", 1, "name")) == "--set data.1.name=c"
    assert text.place(("data", 0, "name")) == "f.yaml:2"


@pytest.mark.parametrize("key", ["2", "-1", "x", "", "9" * 5000])
def test_put_names_an_entry_that_a_list_does_not_have(key: str) -> None:
    text = parse_yaml("data: [a, b]", "f.yaml")
    for path in (("data", key), ("data", key, "name")):
        with pytest.raises(ConfigError, match=f"--set: '{key}' must be the number of an entry, 0 "):
            put(text, path, "c", "--set")


def test_put_does_not_go_below_a_scalar() -> None:
    text = parse_yaml("data: [a, b]", "f.yaml")
    with pytest.raises(ConfigError, match="--set: 0 holds no keys"):
        put(text, ("data", "0", "name"), "c", "--set")


def test_a_set_is_split_into_keys_and_value() -> None:
    assert split_set("a.b=c.d=e", "KEY=VALUE") == (("a", "b"), "c.d=e", "--set a.b=c.d=e")
    assert split_set("a=", "KEY=VALUE") == (("a",), "", "--set a=")


@pytest.mark.parametrize("entry", ["", "a", "=1", "a.=1", ".a=1", "a..b=1"])
def test_a_set_of_another_form_is_refused(entry: str) -> None:
    with pytest.raises(ConfigError, match=f"^--set {re.escape(entry)}: must be KEY=VALUE$"):
        split_set(entry, "KEY=VALUE")


def test_a_set_may_need_several_keys() -> None:
    assert split_set("a.b=1", "A.B=VALUE", least_keys=2)[0] == ("a", "b")
    with pytest.raises(ConfigError, match=r"must be A\.B=VALUE"):
        split_set("a=1", "A.B=VALUE", least_keys=2)


def test_a_set_that_is_not_utf8_is_refused() -> None:
    with pytest.raises(ConfigError, match="must be UTF-8"):
        split_set("a=\udcff", "KEY=VALUE")
