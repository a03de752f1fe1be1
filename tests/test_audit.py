import numpy as np
import pytest
from PIL import Image

from pneumo.audit import audit_folder, shortcut_auc
from pneumo.dataset import index_folder
from pneumo.training.phantom import draw_phantom, write_phantom_dataset


@pytest.fixture
def folder(tmp_path):
    """The phantoms' names, with pictures that do not resemble each other as phantoms do."""
    rng = np.random.default_rng(0)
    folder = write_phantom_dataset(tmp_path / "data", patients=3)
    for path in folder.glob("train/*/*"):
        blocks = rng.integers(0, 256, (10, 10), np.uint8)
        Image.fromarray(np.kron(blocks, np.ones((16, 16), np.uint8))).save(path, quality=90)
    return folder


def test_report_of_a_small_folder(folder):
    train = folder / "train"
    copied = (train / "NORMAL/IM-0000-0000.jpeg").read_bytes()
    (train / "NORMAL/IM-0009-0000.jpeg").write_bytes(copied)  # another patient
    (folder / "test/PNEUMONIA").mkdir(parents=True)
    (folder / "test/PNEUMONIA/person9_virus_1.jpeg").write_bytes(copied)  # class and split
    with Image.open(train / "NORMAL/IM-0001-0000.jpeg") as image:
        image.resize((200, 200)).save(train / "NORMAL/IM-0001-0007.png")  # the same, re-encoded
    (train / "NORMAL/IM-0002-0009.jpeg").write_text("broken")

    report = audit_folder(index_folder(folder), folder)
    assert report["by_split_and_class"] == {
        "test PNEUMONIA": {"files": 1, "patients": 1},
        "train NORMAL": {"files": 8, "patients": 4},
        "train PNEUMONIA": {"files": 6, "patients": 3},
    }
    (unreadable,) = report["unreadable"]
    assert unreadable["file"] == "train/NORMAL/IM-0002-0009.jpeg"
    exact = report["exact_duplicates"]
    assert (exact["groups"], exact["files"]) == (1, 3)
    assert exact["groups_across_classes"] == exact["groups_across_splits"] == 1
    near = report["near_duplicates"]
    assert ["train/NORMAL/IM-0001-0000.jpeg", "train/NORMAL/IM-0001-0007.png"] in near["examples"]
    pictures = report["pictures_NORMAL"]
    assert pictures["width"]["median"] == 160
    assert pictures["aspect"] == {"p5": 1, "median": 1, "p95": 1}
    assert any(kind.startswith("JPEG 3,") for kind in pictures["compression"])
    assert report["shortcut_auc"] is None


def test_shortcut_found_when_classes_differ_in_brightness_only():
    rng = np.random.default_rng(0)
    labels = np.repeat([0, 1], 40)
    patients = np.arange(80)
    alike = np.stack([draw_phantom(0, rng, 128) for _ in labels])
    brighter = alike + (labels * 40).astype(np.uint8)[:, None, None]
    assert shortcut_auc(brighter, labels, patients) > 0.95
    assert 0.25 < shortcut_auc(alike, labels, patients) < 0.75
