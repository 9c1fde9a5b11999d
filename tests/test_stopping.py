from __future__ import annotations

import os
import signal
import threading
from collections.abc import Callable

import pytest

from isogloss.stopping import Stopped, deferred, heeding_signals, requested

pytestmark = pytest.mark.usefixtures("hears_ctrl_c")
BOTH = pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])


def ask(number: int) -> None:
    os.kill(os.getpid(), number)


@BOTH
def test_a_signal_ends_the_body_at_once(number: int) -> None:
    with pytest.raises(Stopped) as caught, heeding_signals():
        ask(number)
    assert caught.value.number == number
    assert isinstance(caught.value, KeyboardInterrupt)


@BOTH
def test_the_first_signal_is_noted_and_the_second_ends_the_body(number: int) -> None:
    said: list[str] = []
    seen: list[int | None] = []

    def body() -> None:
        with heeding_signals(lambda: said.append("stopping")), deferred():
            for _ in range(2):
                seen.append(requested())
                ask(number)

    with pytest.raises(Stopped):
        body()
    assert seen == [None, number]
    assert said == ["stopping"]
    assert requested() is None


def test_behind_the_deferral_a_signal_ends_the_body_at_once() -> None:
    def body() -> None:
        with heeding_signals():
            with deferred():
                pass
            ask(signal.SIGTERM)

    with pytest.raises(Stopped):
        body()


def test_the_handlers_come_back() -> None:
    before = [signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)]
    with heeding_signals():
        assert signal.getsignal(signal.SIGTERM) is not before[1]
    assert [signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)] == before


def test_what_is_ignored_stays_ignored() -> None:
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        with heeding_signals():
            ask(signal.SIGINT)
    finally:
        signal.signal(signal.SIGINT, before)


def test_another_thread_sets_no_handlers() -> None:
    seen: list[object] = []

    def body() -> None:
        with heeding_signals():
            seen.append(signal.getsignal(signal.SIGTERM))

    thread = threading.Thread(target=body)
    thread.start()
    thread.join()
    assert seen == [signal.getsignal(signal.SIGTERM)]


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 0), (signal.SIGTERM, -15)])
def test_a_forked_process_leaves_stopping_to_its_parent(number: int, code: int) -> None:
    with heeding_signals():
        found = in_a_fork(lambda: ask(number))
    assert found == code


def in_a_fork(body: Callable[[], None]) -> int:
    pid = os.fork()
    if pid == 0:
        body()
        os._exit(0)
    return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
