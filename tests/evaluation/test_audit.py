from dataclasses import replace

import numpy as np
import pytest
from PIL import Image

from pneumo.dataset.examples import index_folder
from pneumo.evaluation.audit import audit_folder
from pneumo.training.phantom import write_phantom_dataset
from tests.evaluation.test_robustness import find_two_boxes
from tests.reading.test_dicom import make


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
    (train / "NORMAL/IM-0002-0010.jpeg").symlink_to("gone.jpeg")

    report = audit_folder(index_folder(folder), folder)
    assert report["by_split_and_class"] == {
        "test PNEUMONIA": {"files": 1, "patients": 1},
        "train NORMAL": {"files": 8, "patients": 4},
        "train PNEUMONIA": {"files": 6, "patients": 3},
    }
    damaged, missing = report["unreadable"]
    assert damaged["file"] == "train/NORMAL/IM-0002-0009.jpeg"
    assert missing["file"] == "train/NORMAL/IM-0002-0010.jpeg"
    assert "No such file" in missing["reason"]
    exact = report["exact_duplicates"]
    assert (exact["groups"], exact["files"]) == (1, 3)
    assert exact["groups_across_classes"] == exact["groups_across_splits"] == 1
    assert exact["groups_across_patients"] == 1
    near = report["near_duplicates"]
    assert ["train/NORMAL/IM-0001-0000.jpeg", "train/NORMAL/IM-0001-0007.png"] in near["examples"]
    pictures = report["pictures_NORMAL"]
    assert pictures["width"]["median"] == 160
    assert pictures["aspect"] == {"p5": 1, "median": 1, "p95": 1}
    assert any(kind.startswith("JPEG 3,") for kind in pictures["compression"])
    assert report["shortcut_auc"] is None


def test_a_patient_in_both_classes_is_one_patient(folder):
    copied = (folder / "train/NORMAL/IM-0000-0000.jpeg").read_bytes()
    (folder / "train/PNEUMONIA/IM-0000-0000.jpeg").write_bytes(copied)
    examples = [replace(example, patient="p1") for example in index_folder(folder)]
    exact = audit_folder(examples, folder)["exact_duplicates"]
    assert exact["groups_across_classes"] == 1
    assert exact["groups_across_patients"] == 0


def test_dicom_is_taken_with_or_without_suffix_and_named_by_its_coding(folder):
    rng = np.random.default_rng(1)
    for name in ("IM-0007-0001.dcm", "IM-0008-0001"):
        pixels = np.kron(rng.integers(0, 256, (10, 10), np.uint8), np.ones((16, 16), np.uint8))
        (folder / "train/NORMAL" / name).write_bytes(make(pixels))
    report = audit_folder(index_folder(folder), folder)
    assert report["unreadable"] == []
    assert report["by_split_and_class"]["train NORMAL"]["files"] == 8
    assert report["pictures_NORMAL"]["compression"]["DICOM, Explicit VR Little Endian"] == 2


def test_split_is_told_above_class_folders_in_lower_case(folder):
    (folder / "train" / "NORMAL").rename(folder / "train" / "normal")
    report = audit_folder(index_folder(folder), folder)
    assert set(report["by_split_and_class"]) == {"train NORMAL", "train PNEUMONIA"}


def test_with_a_finder_what_lies_around_the_lungs_is_examined_too(tmp_path):
    """Phantoms of twelve patients a class; only the sick have a letter, and always at one place."""
    folder = write_phantom_dataset(tmp_path / "data", patients=12)
    for path in folder.glob("train/PNEUMONIA/*"):
        with Image.open(path) as image:
            marked = image.copy()
        marked.paste(255, (2, 2, 8, 8))
        marked.save(path, quality=95)
    report = audit_folder(index_folder(folder), folder, find=find_two_boxes)
    shortcuts = report["shortcuts"]
    assert set(shortcuts) == {"looks", "marks", "framing", "outline"}
    assert shortcuts["looks"] == report["shortcut_auc"]
    assert shortcuts["marks"] > 0.95
    assert shortcuts["framing"] == shortcuts["outline"] == 0.5  # the same lungs in every picture
