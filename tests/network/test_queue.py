"""The queue before the network."""

import threading
import time

import pytest

from pneumo.network.queue import run_exclusively


def test_turns_go_round_in_the_order_of_asking_and_one_at_a_time():
    order, inside, threads = [], [], set()

    def note(name: str) -> None:
        inside.append(name)
        assert inside == [name]
        order.append(name)
        threads.add(threading.get_ident())
        time.sleep(0.05)  # the others are waiting by then
        inside.remove(name)

    def work(name: str) -> None:
        for _ in range(5):
            run_exclusively(lambda: note(name))

    workers = [threading.Thread(target=work, args=(name,)) for name in "abc"]
    for worker in workers:
        worker.start()
        time.sleep(0.01)
    for worker in workers:
        worker.join(10)
    assert "".join(order) == "abc" * 5
    assert len(threads) == 1


def test_a_turn_gives_its_answer_and_its_error():
    def fail() -> None:
        raise KeyError("lost")

    with pytest.raises(KeyError, match="lost"):
        run_exclusively(fail)
    assert run_exclusively(lambda: 7) == 7
