"""What may be dropped on the page, and what one bad file does to the others."""

import subprocess
import sys

import numpy as np
import pytest

from pneumo.reading import radiograph
from tests.conftest import encode
from tests.reading.test_dicom import make

NOISE = np.random.default_rng(0).integers(0, 256, (80, 90), np.uint8)


def names_of(app):
    return {entry.name: entry.error for entry in app.session_state.entries.values()}


def test_dicom_without_suffix_is_taken(app):
    zone = app.run().file_uploader[0]
    assert list(zone.proto.type) == []  # which a browser would hold names against
    zone.set_value([("IM000001", make(NOISE), "")]).run()
    assert names_of(app) == {"IM000001": ""}


@pytest.mark.parametrize("failure", [ValueError("La to L"), MemoryError(), ZeroDivisionError()])
def test_failure_of_a_decoder_is_its_file_s_alone(app, monkeypatch, failure):
    decode = radiograph.decode

    bad, good = encode(NOISE, "TIFF"), encode(NOISE)

    def fail(data):
        if data == bad:
            raise failure
        return decode(data)

    monkeypatch.setattr(radiograph, "decode", fail)
    files = [("bad.tif", bad, ""), ("good.png", good, "")]
    app.run().file_uploader[0].set_value(files).run()
    assert not app.exception
    errors = names_of(app)
    assert errors["good.png"] == ""
    assert errors["bad.tif"].startswith("bad.tif ")
    assert ". " in errors["bad.tif"], "says what to do"


def test_panels_are_imported_before_the_first_radiograph():
    """Which would otherwise wait half a second for libraries of charts and documents."""
    program = (
        "import sys; from pneumo.ui.pages import import_panels; import_panels()\n"
        "late = {'measures.rates', 'explanations.checks', 'worklist.pack'}\n"
        "print({f'pneumo.ui.{name}' for name in late} - sys.modules.keys())"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    assert done.stdout.strip() == "set()", done.stderr
