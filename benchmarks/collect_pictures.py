"""Collects pictures that are no chest radiographs, from freely licensed packages, by kind.

    pip install scikit-image nilearn && python -m benchmarks.collect_pictures PICTURES

For `python -m pneumo.training.scope`. Downloads the source release of Pillow and four packages of
Debian (`apt-get download`, nothing is installed), and writes PNG files of at most 600 pixels to
PICTURES/<kind>/<source>~<number>.png; all with one source come from one original.

| kind | from |
|---|---|
| photo | scikit-image, scikit-learn, Matplotlib, Pillow, gnome-backgrounds, mate-backgrounds |
| drawing | tuxpaint-stamps-default |
| document | this project's screenshots and README, scikit-image |
| texture | scikit-image |
| CT slice | a head of invesalius-examples; pydicom's test files |
| MR slice | the brain template of nilearn (MNI152); pydicom's test files |
| other DICOM | pydicom's test files |
| skull radiograph | projections of that CT head |
| synthetic | drawn here: noise, ramps, stripes, checks, blobs, shapes |
"""

import argparse
import plistlib
import subprocess
import sys
import tarfile
import tempfile
import warnings
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw, ImageFilter, ImageFont

ROOT = Path(__file__).resolve().parent.parent

SIDE = 600
DEBIAN = ("gnome-backgrounds", "mate-backgrounds", "tuxpaint-stamps-default", "invesalius-examples")
PHOTOS = (
    *("astronaut", "camera", "chelsea", "coffee", "rocket", "motorcycle_left", "coins", "moon"),
    *("hubble_deep_field", "retina", "ihc", "cell"),
)
TEXTURES = ("brick", "grass", "gravel")


class Collection:
    """Writes pictures to folders by kind."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.rng = np.random.default_rng(0)
        self.counts = {}

    def add(self, kind, source, picture):
        """Writes an image, or an array of any range, in grey."""
        if isinstance(picture, np.ndarray):
            picture = Image.fromarray(np.clip(picture, 0, 255).astype(np.uint8))
        picture = on_white(picture)
        picture.thumbnail((SIDE, SIDE))
        number = self.counts[kind, source] = self.counts.get((kind, source), -1) + 1
        path = self.folder / kind / f"{source.replace('~', '-')}~{number}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        if min(picture.size) >= 64:
            picture.save(path)

    def add_crops(self, kind, source, picture, count):
        """Writes an image, and parts of it."""
        self.add(kind, source, picture)
        width, height = picture.size
        for _ in range(count):
            share = self.rng.uniform(0.3, 0.8)
            w, h = int(share * width), int(share * height)
            x, y = self.rng.integers(0, width - w + 1), self.rng.integers(0, height - h + 1)
            self.add(kind, source, picture.crop((x, y, x + w, y + h)))


def on_white(picture):
    """Returns an image in grey, transparent parts in white."""
    if picture.mode in ("P", "RGBA", "LA"):
        picture = picture.convert("RGBA")
        picture = Image.alpha_composite(Image.new("RGBA", picture.size, "white"), picture)
    return picture.convert("L")


def open_picture(path):
    picture = Image.open(path)
    picture.thumbnail((1200, 1200))
    return on_white(picture)


def window(values, center, width):
    return (values.astype(np.float32) - center + width / 2) * (255 / width)


def fetch(folder):
    """Downloads what no installed package has."""
    pip = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "--no-binary", ":all:"]
    subprocess.run([*pip, "pillow==12.3.0", "-d", folder], check=True)
    with tarfile.open(next(folder.glob("pillow-*.tar.gz"))) as archive:
        archive.extractall(folder / "pillow", filter="data")
    subprocess.run(["apt-get", "download", "-qq", *DEBIAN], cwd=folder, check=True)
    for package in folder.glob("*.deb"):
        subprocess.run(["dpkg", "-x", package, folder / "debian"], check=True)


def add_photos(collection, fetched):
    import matplotlib
    import skimage
    import sklearn

    shipped = Path(skimage.__file__).parent / "data"
    paths = [path for name in PHOTOS for path in shipped.glob(f"{name}.*")]
    paths += sorted((Path(sklearn.__file__).parent / "datasets/images").glob("*.jpg"))
    paths += [Path(matplotlib.get_data_path()) / "sample_data/grace_hopper.jpg"]
    paths += [next(fetched.glob("pillow/*/Tests/images/hopper.jpg"))]
    for kind in ("gnome", "mate"):
        inside = sorted((fetched / "debian/usr/share/backgrounds" / kind).rglob("*"))
        paths += [p for p in inside if p.suffix.lower() in (".jpg", ".jpeg", ".png", ".webp")]
    for path in paths:
        collection.add_crops("photo", path.stem, open_picture(path), 3)
    for name in TEXTURES:
        collection.add_crops("texture", name, open_picture(shipped / f"{name}.png"), 6)
    for name in ("page", "text"):
        collection.add_crops("document", name, open_picture(shipped / f"{name}.png"), 3)
    stamps = sorted((fetched / "debian/usr/share/tuxpaint/stamps").rglob("*.png"))
    for place in collection.rng.permutation(len(stamps))[:160]:
        collection.add("drawing", stamps[place].stem, Image.open(stamps[place]))


def add_documents(collection):
    import matplotlib

    for path in sorted((ROOT / "docs/screenshots").glob("*.png")):
        collection.add_crops("document", path.stem, open_picture(path), 4)
    fonts = sorted((Path(matplotlib.get_data_path()) / "fonts/ttf").glob("DejaVuSans*.ttf"))
    words = (ROOT / "README.md").read_text().split()
    for number in range(30):
        dark = number % 4 == 0
        page = Image.new("L", (850, 1100), 20 if dark else 255)
        pen, size = ImageDraw.Draw(page), int(collection.rng.integers(14, 40))
        font = ImageFont.truetype(fonts[number % len(fonts)], size)
        for y in range(40, 1050, int(1.5 * size)):
            first = collection.rng.integers(0, len(words) - 12)
            line = " ".join(words[first : first + 12])
            pen.text((50, y), line, fill=230 if dark else 0, font=font)
        collection.add("document", f"typed-{number}", page)


def add_head(collection, fetched):
    """CT slices, and radiographs of the skull: sums of attenuation along parallel rays."""
    from scipy.ndimage import rotate

    path = fetched / "debian/usr/share/doc/invesalius-examples/examples/Cranium.inv3"
    with tarfile.open(path) as archive:
        members = {Path(member.name).name: member for member in archive.getmembers()}
        about = plistlib.load(archive.extractfile(members["main.plist"]))["matrix"]
        raw = archive.extractfile(members[about["filename"]]).read()
    head = np.frombuffer(raw, about["dtype"]).reshape(about["shape"])[::-1]
    for place in range(0, 100, 3):
        slice_ = window(head[place], *((40, 400) if place % 2 else (300, 1500)))
        collection.add("CT slice", "head", slice_)
    for place in range(40, 216, 8):
        for slice_ in (head[:, place], head[:, :, place]):
            collection.add("CT slice", "head", window(slice_, 300, 2000))
    attenuation = np.clip((head.astype(np.float32) + 1000) / 1000, 0, None)
    for angle in range(0, 180, 6):
        turned = rotate(attenuation, angle, axes=(1, 2), reshape=False, order=1)
        sums = turned.sum(axis=1)
        level = (sums / np.percentile(sums, 99.8)) ** collection.rng.uniform(0.6, 1.2)
        picture = Image.fromarray(np.clip(255 * level, 0, 255).astype(np.uint8))
        collection.add("skull radiograph", "head", picture.resize((400, 270)))


def add_brain(collection):
    import nibabel
    import nilearn

    name = "datasets/data/mni_icbm152_t1_tal_nlin_sym_09a_converted.nii.gz"
    brain = np.asarray(nibabel.load(Path(nilearn.__file__).parent / name).dataobj, np.float32)
    brain *= 255 / np.percentile(brain, 99.7)
    for axis, step in ((0, 9), (1, 9), (2, 7)):
        for place in range(25, brain.shape[axis] - 25, step):
            collection.add("MR slice", "template", np.rot90(brain.take(place, axis)))


def add_dicom(collection):
    import pydicom

    kinds, seen = {"CT": "CT slice", "MR": "MR slice"}, set()
    for path in sorted((Path(pydicom.__file__).parent / "data/test_files").rglob("*")):
        try:
            dataset = pydicom.dcmread(path)
            values = np.asarray(dataset.pixel_array, np.float32)
        except Exception:  # many are broken on purpose
            continue
        if values.ndim == 4:
            values = values[0]
        if values.ndim == 3:
            values = values.mean(-1) if values.shape[-1] == 3 else values[0]
        low, high = np.percentile(values, [1, 99.5])
        digest = hash(values.tobytes())
        if min(values.shape) < 64 or high == low or digest in seen:
            continue
        seen.add(digest)
        kind = kinds.get(dataset.get("Modality"), "other DICOM")
        collection.add(kind, path.stem, window(values, (low + high) / 2, high - low))


def add_synthetic(collection):
    rng = collection.rng
    yy, xx = np.mgrid[:299, :299] / 299
    for number in range(60):
        if number % 6 == 0:
            picture = rng.integers(0, 255) + rng.normal(0, rng.uniform(5, 60), (299, 299))
        elif number % 6 == 1:
            picture = 255 * (xx * rng.uniform(-1, 1) + yy * rng.uniform(-1, 1) + 0.5)
        elif number % 6 == 2:
            waves = rng.uniform(1, 20) * (xx * rng.uniform(-1, 1) + yy)
            picture = 127 + 100 * np.sin(2 * np.pi * waves)
        elif number % 6 == 3:
            across, down = rng.integers(2, 12, 2)
            picture = 255.0 * ((np.floor(xx * across) + np.floor(yy * down)) % 2)
        elif number % 6 == 4:
            picture = draw_shapes(rng)
        else:
            cells = rng.integers(0, 255, (int(rng.integers(4, 24)),) * 2, dtype=np.uint8)
            picture = Image.fromarray(cells).resize((299, 299), Image.Resampling.BICUBIC)
        collection.add("synthetic", f"drawn-{number}", picture)


def draw_shapes(rng):
    picture = Image.new("L", (299, 299), int(rng.integers(0, 120)))
    pen = ImageDraw.Draw(picture)
    for _ in range(rng.integers(1, 7)):
        (left, right), (top, bottom) = np.sort(rng.integers(0, 299, (2, 2)), axis=1).tolist()
        draw = pen.ellipse if rng.random() < 0.5 else pen.rectangle
        draw((left, top, right, bottom), fill=int(rng.integers(60, 255)))
    return picture.filter(ImageFilter.GaussianBlur(float(rng.choice([0, 5, 15]))))


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("output", type=Path, metavar="PICTURES")
    args = parser.parse_args()
    warnings.simplefilter("ignore")
    collection = Collection(args.output)
    with tempfile.TemporaryDirectory() as folder:
        fetched = Path(folder)
        fetch(fetched)
        add_photos(collection, fetched)
        add_documents(collection)
        add_head(collection, fetched)
    add_brain(collection)
    add_dicom(collection)
    add_synthetic(collection)
    for kind in sorted({kind for kind, _ in collection.counts}):
        own = {source: n + 1 for (k, source), n in collection.counts.items() if k == kind}
        print(f"{kind}: {sum(own.values())} from {len(own)} originals")


if __name__ == "__main__":
    main()
