import json

import pytest

from pneumo.files import atomic_write
from pneumo.network.card import write_card


def test_file_is_replaced_whole(tmp_path):
    path = tmp_path / "card.json"
    path.write_text("old")
    with atomic_write(path) as draft:
        draft.write_text("new")
        assert path.read_text() == "old"
    assert path.read_text() == "new"
    assert list(tmp_path.iterdir()) == [path]


def test_neither_the_users_files_nor_another_writer_are_in_the_way(tmp_path):
    path, own = tmp_path / "card.json", tmp_path / "part.card.json"
    own.write_text("the user's")
    with atomic_write(path) as first, atomic_write(path) as second:
        first.write_text("first")
        second.write_text("second")
    assert path.read_text() == "first", "whoever ends last"
    assert own.read_text() == "the user's"
    assert sorted(tmp_path.iterdir()) == [path, own]


def test_failure_half_way_leaves_the_old_file_and_no_half(tmp_path):
    path = tmp_path / "card.json"
    path.write_text("old")
    with pytest.raises(OSError, match="disk full"), atomic_write(path) as draft:
        draft.write_text("ha")
        raise OSError("disk full")
    assert path.read_text() == "old"
    assert list(tmp_path.iterdir()) == [path]


def test_card_keeps_every_value_and_puts_numbers_on_one_line(tmp_path):
    document = {
        "scores": [0.5, 1e-05, -2, 3],
        "names": ["a [1,\n 2]", "b"],
        "empty": [],
        "nested": {"rows": [[1, 2], [3.25, 4]]},
    }
    write_card(tmp_path / "card.json", document)
    text = (tmp_path / "card.json").read_text()
    assert json.loads(text).items() >= document.items()
    assert '"scores": [0.5, 1e-05, -2, 3]' in text
