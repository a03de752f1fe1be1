import os
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import numpy as np
import pytest

from pneumo.dataset.examples import (
    draw_epoch,
    index_folder,
    label_of_name,
    labels_of,
    load_grids,
    require_both_classes,
)
from pneumo.errors import DatasetError
from pneumo.training.augment import augment_grid
from pneumo.training.batches import EpochBatches, Presentation
from pneumo.training.changes import GROUPS
from pneumo.training.framing import Sources
from pneumo.training.phantom import write_phantom_dataset


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return write_phantom_dataset(tmp_path_factory.mktemp("data"), patients=20)


@pytest.mark.parametrize(
    ("name", "patient", "stratum"),
    [
        ("PNEUMONIA/person23_bacteria_78.jpeg", "person23_bacteria", "bacteria"),
        ("PNEUMONIA/person23_virus_54.jpeg", "person23_virus", "virus"),
        ("PNEUMONIA/person447_virus_921_1.jpeg", "person447_virus", "virus"),
        ("NORMAL/IM-0115-0001.jpeg", "IM-0115", "NORMAL"),
        ("NORMAL/IM-0115-0001-0002.jpeg", "IM-0115", "NORMAL"),
        ("NORMAL/NORMAL2-IM-0386-0001.jpeg", "NORMAL2-IM-0386", "NORMAL"),
        ("NORMAL/chest7.PNG", "NORMAL/chest7", "NORMAL"),
        ("PNEUMONIA/deeper/chest7.png", "PNEUMONIA/deeper/chest7", "PNEUMONIA"),
    ],
)
def test_patient_and_stratum_read_from_file_name(tmp_path, name, patient, stratum):
    path = tmp_path / name
    path.parent.mkdir(parents=True)
    path.touch()
    (tmp_path / "notes.txt").touch()
    (example,) = index_folder(tmp_path)
    assert (example.patient, example.stratum) == (patient, stratum)
    assert example.label == name.startswith("PNEUMONIA")


def test_missing_folder_and_empty_folder_refused(tmp_path):
    with pytest.raises(DatasetError, match="no folder"):
        index_folder(tmp_path / "gone")
    with pytest.raises(DatasetError, match="expected the folders NORMAL and PNEUMONIA"):
        index_folder(tmp_path)


def label_names(folder, base=None):
    return {
        example.path.relative_to(base or folder).as_posix(): ("NORMAL", "PNEUMONIA")[example.label]
        for example in index_folder(folder)
    }


def put(folder, *names, content=b""):
    for name in names:
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)


def test_nearest_folder_called_by_a_class_in_either_case_decides(tmp_path):
    put(tmp_path, "NORMAL/a.png", "NORMAL/pneumonia/b.png", "Pneumonia/x/c.png", "loose/d.png")
    assert label_names(tmp_path) == {
        "NORMAL/a.png": "NORMAL",
        "NORMAL/pneumonia/b.png": "PNEUMONIA",
        "Pneumonia/x/c.png": "PNEUMONIA",
    }


def test_lower_case_classes_below_an_ancestor_called_by_a_class(tmp_path):
    folder = tmp_path / "NORMAL" / "study"
    put(folder, "normal/a.png", "pneumonia/b.png", "unsorted/c.png")
    assert label_names(folder) == {"normal/a.png": "NORMAL", "pneumonia/b.png": "PNEUMONIA"}


def test_part_of_a_class_has_its_label_but_not_by_a_chance_name(tmp_path):
    put(tmp_path / "NORMAL" / "2019", "a.png")
    assert label_names(tmp_path / "NORMAL" / "2019") == {"a.png": "NORMAL"}
    put(tmp_path / "pneumonia" / "set", "healthy/a.png", "sick/b.png")
    with pytest.raises(DatasetError, match="expected the folders NORMAL and PNEUMONIA"):
        index_folder(tmp_path / "pneumonia" / "set")


@pytest.mark.parametrize(
    ("name", "label"),
    [
        ("NORMAL/chest.png", "NORMAL"),
        ("a/Pneumonia/b/chest.png", "PNEUMONIA"),
        ("NORMAL/pneumonia/chest.png", "PNEUMONIA"),
        ("set\\PNEUMONIA\\chest.png", "PNEUMONIA"),
        ("NORMAL.png", ""),
        ("NORMAL", ""),
        ("NORMALS/chest.png", ""),
        ("", ""),
    ],
)
def test_label_of_a_name_is_its_nearest_class_folder(name, label):
    assert label_of_name(name) == label


def test_class_folders_that_are_links_are_followed(tmp_path):
    put(tmp_path / "pool", "healthy/a.png", "sick/b.png")
    (tmp_path / "set").mkdir()
    (tmp_path / "set" / "NORMAL").symlink_to(tmp_path / "pool" / "healthy")
    (tmp_path / "set" / "PNEUMONIA").symlink_to(tmp_path / "pool" / "sick")
    assert label_names(tmp_path / "set") == {
        "NORMAL/a.png": "NORMAL",
        "PNEUMONIA/b.png": "PNEUMONIA",
    }


def test_hidden_files_and_folders_with_a_suffix_are_no_radiographs(tmp_path):
    put(tmp_path / "NORMAL", "._a.jpeg", ".cache/b.png", "scan.dcm/notes.txt", "c.png")
    assert label_names(tmp_path) == {"NORMAL/c.png": "NORMAL"}


def test_dicom_without_suffix_is_found_and_keeps_its_number(tmp_path):
    dicom = bytes(128) + b"DICM"
    put(tmp_path, "NORMAL/1.2.840.7", "NORMAL/1.2.840.8", content=dicom)
    patients = [example.patient for example in index_folder(tmp_path)]
    assert len(set(patients)) == 2
    assert all(patient.endswith(("1.2.840.7", "1.2.840.8")) for patient in patients)


def test_broken_link_is_listed_and_leaves_the_patients_of_the_others_as_they_are(tmp_path):
    put(tmp_path, "NORMAL/IM-0001-0001.png", "PNEUMONIA/b.png")
    others = index_folder(tmp_path)
    broken = tmp_path / "NORMAL" / "x.png"
    broken.symlink_to("gone.png")
    listed = index_folder(tmp_path)
    assert [example for example in listed if example.path != broken] == others
    (example,) = [example for example in listed if example.path == broken]
    assert (example.label, example.patient, example.by) == (0, "NORMAL/x.png", "file")


def test_folder_that_may_not_be_looked_into_is_named(tmp_path, monkeypatch):
    put(tmp_path, "NORMAL/a.png", "PNEUMONIA/b.png")
    closed = tmp_path / "PNEUMONIA"
    scan = os.scandir

    def refuse(path):
        if path == closed:
            raise PermissionError(13, "Permission denied")
        return scan(path)

    monkeypatch.setattr("pneumo.reading.folders.os.scandir", refuse)
    with pytest.raises(DatasetError, match="PNEUMONIA cannot be looked into. Change"):
        index_folder(tmp_path)


def test_missing_class_named(folder):
    examples = [example for example in index_folder(folder) if example.label == 0]
    with pytest.raises(DatasetError, match="class folder PNEUMONIA is missing"):
        require_both_classes(examples, folder)


def test_unreadable_radiograph_named(tmp_path, folder):
    broken = tmp_path / "NORMAL" / "IM-0001-0001.jpeg"
    broken.parent.mkdir()
    broken.write_bytes(b"nothing")
    with pytest.raises(DatasetError, match=r"IM-0001-0001\.jpeg"):
        load_grids([*index_folder(folder)[:3], *index_folder(tmp_path)], 71)


def test_balanced_epoch_gives_both_classes_the_same_places():
    labels = np.array([0] * 10 + [1] * 30)
    order = draw_epoch(labels, True, np.random.default_rng(0))
    assert len(order) == 40
    assert np.bincount(labels[order]).tolist() == [20, 20]
    counts = np.bincount(order, minlength=40)
    assert counts[:10].tolist() == [2] * 10
    assert counts[10:].max() == 1


def test_unbalanced_epoch_shows_each_once():
    order = draw_epoch(np.array([0, 1, 1, 1]), False, np.random.default_rng(0))
    assert sorted(order) == [0, 1, 2, 3]


@pytest.mark.parametrize("balanced", [True, False])
def test_an_epoch_shows_each_as_often_as_its_odds_say(balanced):
    labels, odds = np.array([0] * 20 + [1] * 60), np.ones(80)
    odds[[0, 30]] = 4
    for seed in range(20):
        order = draw_epoch(labels, balanced, np.random.default_rng(seed), odds)
        wanted = odds / odds.sum() * 80
        if balanced:
            shares = [odds[labels == label] / odds[labels == label].sum() for label in (0, 1)]
            wanted = 40 * np.concatenate(shares)
            assert np.bincount(labels[order]).tolist() == [40, 40]
        counts = np.bincount(order, minlength=80)
        assert len(order) == 80
        assert np.abs(counts - wanted).max() < 1
    assert not (order == np.sort(order)).all()


def test_batches_follow_the_odds(folder):
    examples = index_folder(folder)
    grids, labels = load_grids(examples, 71), labels_of(examples)
    odds = np.ones(len(labels))
    odds[0] = 50
    presentation = Presentation(71, 8, 5, balanced=True)
    batches = EpochBatches(Sources(grids), labels, presentation, 0, odds=odds)
    assert np.bincount(batches.order)[0] > len(labels) / 4


def test_batches_depend_on_seed_and_epoch_only(folder):
    examples = index_folder(folder)
    grids, labels = load_grids(examples, 71), labels_of(examples)
    presentation = Presentation(71, 8, 5, GROUPS, balanced=True)

    def batch(epoch, index):
        return EpochBatches(Sources(grids), labels, presentation, epoch)[index]

    with ThreadPoolExecutor(4) as pool:  # as Keras prepares them: several at once
        together = list(pool.map(batch, [1] * 8, [3, 2, 1, 0] * 2))
    for again, index in zip(together, [3, 2, 1, 0] * 2, strict=True):
        for array, first in zip(again, batch(1, index), strict=True):
            np.testing.assert_array_equal(array, first)
    assert not np.array_equal(batch(2, 3)[0], batch(1, 3)[0])
    images, targets = batch(0, 0)
    assert images.shape == (8, 71, 71, 3)
    assert images.min() >= -1
    assert images.max() <= 1
    assert targets.sum(axis=0).tolist() == [4, 4]


def test_augmentation_changes_much_but_keeps_shape_and_repeats(folder):
    grid, donor = load_grids(index_folder(folder)[:2], 160)

    def redraw(seed):
        return augment_grid(grid, donor, np.random.default_rng(seed), GROUPS)

    first = redraw(3)
    np.testing.assert_array_equal(first, redraw(3))
    assert first.shape == grid.shape
    assert first.dtype == np.uint8
    changed = [redraw(seed) for seed in range(20)]
    # Neither mean brightness nor sharpness may survive as a mark of the class.
    means = [picture.mean() for picture in changed]
    edges = [np.abs(np.diff(picture.astype(int), axis=1)).mean() for picture in changed]
    assert np.ptp(means) > 60
    assert max(edges) > 3 * min(edges)


@pytest.mark.parametrize("group", ["style", "mirror", "geometry", "texture", "levels", "cover"])
def test_each_group_of_changes_can_be_had_by_itself(folder, group):
    grid, donor = load_grids(index_folder(folder)[:2], 160)

    def redraw(groups):
        return [augment_grid(grid, donor, np.random.default_rng(s), groups) for s in range(8)]

    assert any((picture != grid).any() for picture in redraw((group,)))
    assert all((picture == grid).all() for picture in redraw(()))


def test_mixup_blends_radiographs_and_labels_alike_across_and_within_classes(folder):
    examples = index_folder(folder)
    grids, labels = load_grids(examples, 71), labels_of(examples)
    apart = Presentation(71, 16, 5, balanced=True)
    blended = replace(apart, mixup=0.4)
    plain, targets = EpochBatches(Sources(grids), labels, apart, 0)[0]
    images, mixed = EpochBatches(Sources(grids), labels, blended, 0)[0]
    np.testing.assert_allclose(mixed.sum(axis=1), 1, atol=1e-6)
    pure = np.abs(mixed - targets).max(axis=1) < 1e-6
    changed = np.abs(images - plain).max(axis=(1, 2, 3)) > 1e-3
    assert (changed & pure).any(), "none was blended with one of its own class"
    across = np.flatnonzero(~pure)
    assert len(across)
    for i in across:  # its partner is the one radiograph that explains the blend
        share = mixed[i] @ targets[i]
        blends = share * plain[i] + (1 - share) * plain
        assert min(np.abs(blends - images[i]).max(axis=(1, 2, 3))) < 1e-5
