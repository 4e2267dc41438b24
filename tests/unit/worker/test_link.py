"""The line between a supervisor and one of its processes."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Iterator

import pytest

from cardoon.worker.link import (
    FROM_PROCESS,
    TO_PROCESS,
    Bye,
    End,
    Hello,
    Leaving,
    Link,
    Mourn,
    Quiet,
    Stacks,
    Stop,
    Told,
)

Ends = tuple[Link, Link]


@pytest.fixture
def ends() -> Iterator[Ends]:
    supervisor, process = (Link(end) for end in socket.socketpair())
    yield supervisor, process
    supervisor.close()
    process.close()


def heard(link: Link, count: int) -> list[object]:
    words: list[object] = []
    while len(words) < count:
        words += link.hear(TO_PROCESS)
    return words


def test_every_word_arrives_as_it_was_said(ends: Ends) -> None:
    supervisor, process = ends
    to_process = [Stop(), Quiet(True), End("a-job"), Mourn(["one", "two"]), Stacks()]
    for word in to_process:
        supervisor.say(word)
    assert heard(process, len(to_process)) == to_process
    hello = Hello(app="a", url="u", profile="p", retention=None, shutdown_timeout=1.0)
    from_process = [hello, Leaving("ran 20 jobs"), Told(), Bye()]
    for word in from_process:
        process.say(word)
    words: list[object] = []
    while len(words) < len(from_process):
        words += supervisor.hear(FROM_PROCESS)
    assert words == from_process


def test_a_word_longer_than_what_is_read_at_once_arrives_whole(ends: Ends) -> None:
    supervisor, process = ends
    long = Mourn([f"job-{number:032}" for number in range(5_000)])
    speaker = threading.Thread(target=supervisor.say, args=(long,))
    speaker.start()
    assert heard(process, 1) == [long]
    speaker.join()


def test_words_of_several_threads_do_not_mix(ends: Ends) -> None:
    supervisor, process = ends

    def speak(number: int) -> None:
        for _ in range(200):
            supervisor.say(End(f"{number}" * 100))

    speakers = [threading.Thread(target=speak, args=(number,)) for number in range(4)]
    for speaker in speakers:
        speaker.start()
    words = heard(process, 800)
    assert {word.job for word in words if isinstance(word, End)} == {f"{n}" * 100 for n in range(4)}
    for speaker in speakers:
        speaker.join()


def test_the_end_of_the_other_side_is_noticed(ends: Ends) -> None:
    supervisor, process = ends
    process.say(Bye())
    process.close()
    assert supervisor.hear(FROM_PROCESS) == [Bye()]
    assert supervisor.open
    assert supervisor.hear(FROM_PROCESS) == []
    assert not supervisor.open
    supervisor.say(Stop())


def test_hearing_no_more_waits_for_nothing(ends: Ends) -> None:
    supervisor, process = ends
    process.say(Bye())
    supervisor.hear_no_more()
    assert supervisor.hear(FROM_PROCESS) == [Bye()]
    assert supervisor.hear(FROM_PROCESS) == []
    assert supervisor.open


def test_nobody_who_does_not_listen_holds_up_the_speaker_for_ever(ends: Ends) -> None:
    supervisor, _process = ends
    began = time.monotonic()
    for _ in range(100_000):
        supervisor.say(End("x" * 36))
        if not supervisor.open:
            break
    assert not supervisor.open
    assert time.monotonic() - began < 10
