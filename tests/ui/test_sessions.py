"""Several people at once on one running app: nobody sees, hinders or outlives another."""

import re
import threading
import time
import urllib.request
from pathlib import Path

import pytest

from pneumo.images import fit_within
from pneumo.inference import score_pixels
from pneumo.reading.radiograph import read_radiograph
from tests.conftest import encode
from tests.sessions import ProtocolSession
from tests.watch import STAY, watch, watched_server

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="module")
def address():
    with watched_server() as (address, _):
        yield address


@pytest.fixture(scope="module")
def radiographs() -> dict[str, bytes]:
    """Small ones, quick to read: class name and number -> file."""
    return {
        f"{folder}-{number}": encode(fit_within(read_radiograph(path).pixels, 320), "JPEG")
        for folder in ("NORMAL", "PNEUMONIA")
        for number, path in enumerate(sorted((ROOT / "samples" / folder).glob("*.jpeg")))
    }


@pytest.fixture
def visit(address):
    """Opens sessions, and closes them whatever happens."""
    opened = []

    def open_session() -> ProtocolSession:
        session = ProtocolSession(address)
        opened.append(session)
        session.open()
        return session

    yield open_session
    for session in opened:
        session.close()


def measure(address: str, name: str) -> int:
    """Returns one of the server's own figures, 0 if it is not there."""
    with urllib.request.urlopen(f"{address}/_stcore/metrics", timeout=60) as answer:
        found = re.search(rf"^{re.escape(name)} (\d+)$", answer.read().decode(), re.MULTILINE)
    return int(found[1]) if found else 0


LOADED = (
    'cache_compute_duration_seconds_count{cache="pneumo.ui.server.engine.load_engine",'
    'cache_type="st_cache_resource",trigger="miss"}'
)


def test_a_click_on_a_running_page_is_not_lost(visit, radiographs, classifier):
    session = visit()
    session.drop([("one.jpeg", radiographs["NORMAL-0"])])
    session.wait_for_rest()
    for name in ("rule-in", "rule-out", "balanced"):
        threshold = f"{classifier.card.points[name].threshold:.3f}"
        session.press_in_a_hurry(f"{name.capitalize()} {threshold}")
        # Up to three runs answer, by how soon each was asked for: the first may know of no press.
        session.wait_for_measured(f"At {threshold}, ")


def test_same_names_at_the_same_time_get_each_their_own_answers(
    visit, address, radiographs, classifier
):
    shared = [f"{number}.jpeg" for number in range(3)]
    kinds = ("NORMAL", "PNEUMONIA")
    files = {
        kind: [(name, radiographs[f"{kind}-{n}"]) for n, name in enumerate(shared)]
        + [(f"only-{kind}.jpeg", radiographs[f"{kind}-3"])]
        for kind in kinds
    }
    sessions = {}
    start = threading.Barrier(2, timeout=60)

    def use(kind: str) -> None:
        sessions[kind] = session = visit()
        start.wait()
        session.drop(files[kind])
        session.wait_for_worklist()
        session.wait_for_rest()

    people = [threading.Thread(target=use, args=(kind,)) for kind in kinds]
    for person in people:
        person.start()
    for person in people:
        person.join(120)

    for kind, other in (kinds, kinds[::-1]):
        session = sessions[kind]
        assert session.errors == []
        assert session.worklist.names == [*shared, f"only-{kind}.jpeg"]
        expected = score_pixels(classifier, [read_radiograph(d).pixels for _, d in files[kind]])
        assert session.worklist.probabilities == pytest.approx(expected.tolist(), abs=1e-3)
        assert not any(f"only-{other}".encode() in message for message in session.messages)
        assert "0.jpeg" in session.case
    # The answers differ so much that mixed ones would have been noticed.
    pairs = zip(*(sessions[kind].worklist.probabilities for kind in files), strict=True)
    assert min(abs(one - other) for one, other in pairs) > 0.01  # ten times what rounding does
    assert measure(address, LOADED) == 1, "the model is loaded once for all"


def test_session_closed_half_way_is_gone_soon_and_hinders_nobody(visit, address, radiographs):
    leaver, stayer = visit(), visit()
    many = [(f"leaver-{n}-{k}.jpeg", d) for n in range(5) for k, d in radiographs.items()]
    leaver.drop(many)
    leaver.wait_for_progress()
    stayer.drop([("stayer.jpeg", radiographs["PNEUMONIA-0"]), ("b.jpeg", radiographs["NORMAL-0"])])
    leaver.close()
    assert leaver.worklist is None, "it left too late to test anything"
    stayer.wait_for_worklist()
    stayer.wait_for_rest()
    assert stayer.worklist.names == ["stayer.jpeg", "b.jpeg"]
    assert stayer.errors == []
    assert not any(b"leaver" in message for message in stayer.messages)

    deadline = time.monotonic() + STAY / 2 + 15
    while (seen := watch(address))["sources"] > 2 and time.monotonic() < deadline:
        time.sleep(1)
    assert (seen["entries"], seen["sources"]) == (2, 2), "the leaver's are still in memory"


def test_session_that_comes_back_in_time_finds_its_results(visit, address, radiographs):
    session = visit()
    session.drop([("a.jpeg", radiographs["PNEUMONIA-0"]), ("b.jpeg", radiographs["NORMAL-0"])])
    session.wait_for_worklist()
    session.wait_for_rest()
    answers = session.worklist
    session.come_back()
    for seconds in (0, STAY / 2 + 1):  # as long as it would have taken to close it
        time.sleep(seconds)
        session.worklist = None
        session.open()
        assert session.worklist == answers
