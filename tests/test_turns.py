"""The queue before the network."""

import threading
import time

from pneumo.turns import Turns


def test_turns_go_round_in_the_order_of_asking_and_one_at_a_time():
    turns, order, inside = Turns(), [], []

    def work(name: str, times: int) -> None:
        for _ in range(times):
            with turns:
                inside.append(name)
                assert inside == [name]
                order.append(name)
                time.sleep(0.01)  # the others are waiting by then
                inside.remove(name)

    workers = [threading.Thread(target=work, args=(name, 5)) for name in "abc"]
    with turns:
        for worker in workers:
            worker.start()
            time.sleep(0.05)
    for worker in workers:
        worker.join(10)
    assert "".join(order) == "abc" * 5


def test_a_turn_that_fails_is_passed_on():
    turns = Turns()
    for _ in range(2):
        try:
            with turns:
                raise KeyError
        except KeyError:
            pass
