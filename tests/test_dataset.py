from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest

from pneumo.dataset import (
    Example,
    draw_epoch,
    drop_duplicates,
    index_folder,
    labels_of,
    load_grids,
    require_both_classes,
    split_folds,
    split_patients,
    write_splits,
)
from pneumo.errors import DatasetError
from pneumo.training.augment import GROUPS, augment_grid
from pneumo.training.batches import EpochBatches
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
        ("PNEUMONIA/deeper/chest7.png", "PNEUMONIA/chest7", "PNEUMONIA"),
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


def test_missing_class_named(folder):
    examples = [example for example in index_folder(folder) if example.label == 0]
    with pytest.raises(DatasetError, match="class folder PNEUMONIA is missing"):
        require_both_classes(examples, folder)


def test_split_keeps_patients_together_and_shares_alike(folder):
    examples = index_folder(folder)
    training, held_out = split_patients(examples, 0.3, seed=1)
    assert not {e.patient for e in training} & {e.patient for e in held_out}
    assert sorted(e.path for e in training + held_out) == [e.path for e in examples]
    for stratum, count in (("NORMAL", 12), ("bacteria", 6), ("virus", 6)):
        assert sum(e.stratum == stratum for e in held_out) == count
    assert split_patients(examples, 0.3, seed=1) == (training, held_out)
    assert split_patients(examples, 0.3, seed=2)[1] != held_out


def test_split_of_one_patient_refused(tmp_path):
    examples = [Example(tmp_path, 0, "a", "NORMAL"), Example(tmp_path, 0, "b", "NORMAL")]
    with pytest.raises(DatasetError, match="PNEUMONIA has radiographs of one patient only"):
        split_patients([*examples, Example(tmp_path, 1, "c", "virus")], 0.5, 0)


def test_duplicates_kept_once(tmp_path):
    examples = []
    for name, content in (("a", b"1"), ("b", b"2"), ("c", b"1")):
        (tmp_path / name).write_bytes(content)
        examples.append(Example(tmp_path / name, 0, name, "NORMAL"))
    assert drop_duplicates(examples) == examples[:2]


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


def test_batches_depend_on_seed_and_epoch_only(folder):
    examples = index_folder(folder)
    grids, labels = load_grids(examples, 71), labels_of(examples)

    def batch(epoch, index):
        return EpochBatches(grids, labels, 8, epoch, 5, augment=GROUPS, balanced=True)[index]

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


@pytest.mark.parametrize("group", GROUPS)
def test_each_group_of_changes_can_be_had_by_itself(folder, group):
    grid, donor = load_grids(index_folder(folder)[:2], 160)

    def redraw(groups):
        return [augment_grid(grid, donor, np.random.default_rng(s), groups) for s in range(8)]

    assert any((picture != grid).any() for picture in redraw((group,)))
    assert all((picture == grid).all() for picture in redraw(()))


def test_mixup_blends_radiographs_and_labels_alike_across_and_within_classes(folder):
    examples = index_folder(folder)
    grids, labels = load_grids(examples, 71), labels_of(examples)
    plain, targets = EpochBatches(grids, labels, 16, 0, 5, balanced=True)[0]
    images, mixed = EpochBatches(grids, labels, 16, 0, 5, balanced=True, mixup=0.4)[0]
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


def test_folds_keep_patients_together_and_strata_alike():
    examples = [
        Example(Path(f"{kind}-{patient}-{i}.png"), label, f"{kind}{patient}", kind)
        for label, kind, patients in ((0, "NORMAL", 30), (1, "bacteria", 30), (1, "virus", 15))
        for patient in range(patients)
        for i in range(1 + patient % 3)
    ]
    folds = split_folds(examples, 3, seed=1)
    assert sorted(e.path for fold in folds for e in fold) == sorted(e.path for e in examples)
    owners = [{e.patient for e in fold} for fold in folds]
    assert sum(map(len, owners)) == 75
    for fold in folds:
        shares = [sum(e.stratum == kind for e in fold) for kind in ("NORMAL", "bacteria", "virus")]
        assert shares == pytest.approx([20, 20, 10], abs=2)
    assert split_folds(examples, 3, seed=1) == folds
    assert split_folds(examples, 3, seed=2) != folds


def test_splits_are_written_for_people_and_programs(tmp_path, folder):
    one, two = index_folder(folder)[:2]
    write_splits(tmp_path / "splits.csv", folder, {"training": [one], "held-out": [two]})
    lines = (tmp_path / "splits.csv").read_text().splitlines()
    assert lines[0] == "file,class,patient,part"
    name = one.path.relative_to(folder).as_posix()
    assert lines[1] == f"{name},NORMAL,{one.patient},training"
    assert lines[2].endswith(",held-out")
