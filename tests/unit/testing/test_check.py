"""The checker on ledgers made by hand: it accepts what may be, and tells each thing that may not be."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pytest

from cardoon.model.job import Job
from cardoon.model.states import State
from cardoon.testing.torture.check import COUNTED, LATEST_SECONDS, check, counts
from cardoon.testing.torture.evidence import Evidence
from cardoon.testing.torture.ledger import Record
from cardoon.testing.torture.recovery import Recovery, recoveries

SECOND = 1_000_000_000
SUPERVISOR, CHILD, OTHER = 100, 101, 202


class Paper:
    """A ledger and an engine to write on, by hand; each record is a second after the one before."""

    def __init__(self) -> None:
        self.records: list[Record] = []
        self.jobs: dict[str, Job] = {}
        self.attempts: dict[str, list[Job]] = {}
        self.left: list[str] = []
        self.clock = 0

    def write(self, event: str, id: str = "", *, pid: int = 0, **fields: Any) -> Paper:
        self.clock += SECOND
        self.records.append(Record(event=event, id=id, at=self.clock, pid=pid, **fields))
        return self

    def wait(self, seconds: float) -> Paper:
        self.clock += round(seconds * SECOND)
        return self

    def sent(self, id: str = "job", kind: str = "brief", *, answer: str = "ack", **data: Any) -> Paper:
        self.write("want", id, data={"kind": kind, "countdown": 0.0, "follows": [], **data})
        return self.write(answer, id) if answer else self

    def started(self, token: int = 1, *, id: str = "job", pid: int = CHILD, **fields: Any) -> Paper:
        data = {"parent": SUPERVISOR if pid == CHILD else OTHER - 1}
        return self.write("start", id, pid=pid, token=token, attempt=token, data=data, **fields)

    def effect(self, token: int = 1, *, id: str = "job", pid: int = CHILD) -> Paper:
        return self.write("effect", id, pid=pid, token=token, attempt=token)

    def killed(self, *pids: int, kind: str = "child", supervisor: int = 0) -> Paper:
        return self.write("kill", data={"kind": kind, "pids": pids, "supervisor": supervisor})

    def stopped(
        self, pid: int, *, seconds: float, kind: str = "stop worker", pids: Sequence[int] = ()
    ) -> Paper:
        about = {"kind": kind, "pids": pids or [pid], "affects": [pid], "after": 4.0, "seconds": seconds}
        return self.write("stop", data=about)

    def ended(self, state: State = State.SUCCEEDED, token: int = 1, *, id: str = "job") -> Paper:
        self.jobs[id] = Job(
            id=id, task="brief", queue="q", priority=5, state=state, token=token, attempt=token
        )
        self.attempts.setdefault(id, [one_of(id, number) for number in range(1, token)])
        return self

    @property
    def evidence(self) -> Evidence:
        return Evidence(self.records, self.jobs, self.attempts, self.left)

    @property
    def verdict(self) -> list[tuple[str, str]]:
        return [(v.law, v.what) for v in check(self.evidence)]


def one_of(id: str, attempt: int, worker: str = "") -> Job:
    """An earlier attempt, as the engine remembers it."""
    return Job(id=id, task="brief", queue="q", priority=5, state=State.READY, attempt=attempt, worker=worker)


def run_once() -> Paper:
    return Paper().sent().started().effect().ended()


def run_twice(first_pid: int = CHILD) -> Paper:
    """Started, not finished, and started again; what happened in between is for the caller to write."""
    return Paper().sent().started(1, pid=first_pid)


def again(paper: Paper) -> Paper:
    return paper.started(2, pid=OTHER).effect(2, pid=OTHER).ended(token=2)


# -- what may be


def test_a_job_that_is_sent_run_and_ended_is_as_it_should_be() -> None:
    assert run_once().verdict == []
    assert counts([]) == dict.fromkeys(COUNTED, 0)


@pytest.mark.parametrize("kind", ["child", "group"])
def test_a_kill_of_its_process_explains_a_second_start(kind: str) -> None:
    assert again(run_twice().killed(CHILD, kind=kind, supervisor=SUPERVISOR)).verdict == []


@pytest.mark.parametrize("kind", ["supervisor", "group", "force"])
def test_a_kill_of_its_supervisor_does_too_also_for_a_process_that_was_just_starting(kind: str) -> None:
    assert again(run_twice().killed(kind=kind, supervisor=SUPERVISOR)).verdict == []


def test_poison_in_the_same_process_does_too() -> None:
    paper = run_twice().sent("bad", "poison").started(id="bad").write("die", "bad", pid=CHILD, token=1)
    assert again(paper).ended(State.QUARANTINED, id="bad").verdict == []


def test_a_standstill_longer_than_the_silence_does_too_and_its_late_effect_is_harmless() -> None:
    stopped = run_twice().stopped(CHILD, seconds=20).wait(4)
    assert again(stopped).effect(1).write("late", "job", token=1).verdict == []


def test_a_failpoint_does_too_if_its_process_was_not_heard_of_again() -> None:
    armed = Paper().sent().write("arm", data={"supervisor": SUPERVISOR}).started()
    assert again(armed).verdict == []


def test_a_retry_explains_itself() -> None:
    paper = Paper().sent().started().write("retry", "job", pid=CHILD, token=1)
    assert paper.started(2, retries=1).effect(2).ended(token=2).verdict == []


def test_what_was_sent_without_an_answer_may_be_there_or_not() -> None:
    assert Paper().sent(answer="").verdict == []
    assert Paper().sent(answer="unknown").started().effect().ended().verdict == []


def test_what_was_refused_may_be_sent_again() -> None:
    assert Paper().sent(answer="refused").sent().started().effect().ended().verdict == []


def test_what_follows_a_success_is_there_and_what_follows_none_is_not() -> None:
    chain = Paper().sent(kind="chain", follows=["then"]).started().effect()
    done = chain.ended().started(id="then").effect(id="then").ended(id="then")
    assert done.verdict == []
    assert Paper().sent(kind="chain", follows=["then"], answer="").verdict == []


def test_poison_is_quarantined_and_what_was_to_be_cancelled_may_be() -> None:
    paper = Paper().sent(kind="poison")
    for token in (1, 2, 3):
        paper.started(token, pid=token).write("die", "job", pid=token, token=token)
    assert paper.ended(State.QUARANTINED, token=3).verdict == []
    assert Paper().sent(kind="cancelled").ended(State.CANCELLED).verdict == []


def test_an_innocent_job_that_was_killed_alone_three_times_may_be_quarantined() -> None:
    paper = Paper().sent()
    for token in (1, 2, 3):
        paper.started(token, pid=token).killed(token)
    assert paper.ended(State.QUARANTINED, token=3).verdict == []


def test_also_when_its_processes_died_before_they_began_it() -> None:
    paper = never_begun().killed(1).killed(2, kind="group", supervisor=20)
    paper.write("arm", data={"supervisor": 30})
    assert paper.ended(State.QUARANTINED, token=3).verdict == []


def never_begun() -> Paper:
    """Three processes that claimed a job and wrote nothing of it."""
    paper = Paper().sent()
    for number in (1, 2, 3):
        paper.write("ready", pid=number, data={"worker": f"w{number}", "parent": 10 * number})
    paper.attempts["job"] = [one_of("job", number, f"w{number}") for number in (1, 2, 3)]
    return paper


# -- what may not be


def test_an_acknowledged_job_that_the_engine_does_not_know_is_lost() -> None:
    assert Paper().sent().verdict == [("C1", "lost")]


@pytest.mark.parametrize("state", [State.READY, State.RUNNING, State.DELAYED, State.PARKED, State.RETRYING])
def test_a_job_that_never_ends_is_lost(state: State) -> None:
    assert Paper().sent().ended(state).verdict == [("C1", "lost")]


def test_a_success_without_its_effect_is_lost() -> None:
    assert Paper().sent().started().ended().verdict == [("C1", "lost")]
    by_another = Paper().sent().started().killed(CHILD).effect(1).started(2, pid=OTHER).ended(token=2)
    assert by_another.verdict == [("C1", "lost")]


@pytest.mark.parametrize("state", [State.FAILED, State.EXPIRED, State.SKIPPED, State.CANCELLED])
def test_any_other_end_than_it_must_have_is_lost(state: State) -> None:
    assert Paper().sent().started().effect().ended(state).verdict == [("C1", "lost")]


def test_a_follower_of_a_success_that_is_not_there_is_lost() -> None:
    chain = Paper().sent(kind="chain", follows=["then"]).started().effect().ended()
    assert chain.verdict == [("C1", "lost")]


def test_a_job_that_nobody_sent_or_that_was_refused_is_a_phantom() -> None:
    assert Paper().started().effect().ended().verdict == [("C2", "phantom")]
    assert Paper().sent(answer="refused").ended().verdict[-1] == ("C2", "phantom")
    assert Paper().sent(answer="refused").started().verdict == [("C2", "phantom")]


def test_a_follower_of_no_success_is_a_phantom() -> None:
    chain = Paper().sent(kind="chain", follows=["then"]).ended(State.QUARANTINED)
    assert ("C2", "phantom") in chain.started(id="then").effect(id="then").ended(id="then").verdict


def test_a_second_start_that_nothing_explains_is_told() -> None:
    assert again(run_twice()).verdict == [("C3", "unexplained")]


def test_and_told_apart_when_the_first_process_lived_on() -> None:
    assert again(run_twice()).effect(1).verdict == [("C3", "doubled while alive")]


@pytest.mark.parametrize("fault", ["later", "another", "too short", "elsewhere", "armed and alive"])
def test_a_fault_that_does_not_reach_it_explains_nothing(fault: str) -> None:
    paper = run_twice()
    if fault == "another":
        paper.killed(OTHER)
    if fault == "too short":
        paper.stopped(CHILD, seconds=2)
    if fault == "elsewhere":
        paper.stopped(OTHER, seconds=30).wait(30)
    if fault == "armed and alive":
        paper.write("arm", data={"supervisor": SUPERVISOR})
    again(paper)
    if fault == "later":
        paper.killed(CHILD)
    if fault == "armed and alive":
        paper.effect(1)
    assert [law for law, _ in paper.verdict] == ["C3"]


def test_two_attempts_with_one_token_are_told() -> None:
    paper = Paper().sent().started(1).started(1, pid=OTHER).effect(1).ended()
    assert paper.verdict == [("C3", "unexplained")]


def test_a_retry_that_nobody_asked_for_is_told() -> None:
    paper = Paper().sent().started().started(2, retries=1).effect(2).ended(token=2)
    assert paper.verdict == [("C3", "unexplained")]


def test_an_earlier_end_that_stands_over_a_later_one_is_told() -> None:
    paper = run_twice().killed(CHILD).started(2, pid=OTHER).effect(2, pid=OTHER).effect(1).ended(token=1)
    assert paper.verdict == [("C5", "finished twice")]


def test_a_success_that_was_run_again_is_told_even_if_its_process_died_later() -> None:
    paper = Paper().sent().started().effect().killed(CHILD)
    paper.attempts["job"] = []
    assert again(paper).verdict == [("C5", "finished twice")]


def test_a_job_of_unknown_fate_that_ran_must_be_known() -> None:
    assert Paper().sent(answer="").started().effect().verdict == [("C8", "unresolved")]


def test_whatever_is_left_over_is_told() -> None:
    paper = run_once()
    paper.left.append("process 7 lives")
    assert paper.verdict == [("C10", "left over")]


def test_poison_that_is_not_quarantined_is_told() -> None:
    paper = Paper().sent(kind="poison").started().write("die", "job", pid=CHILD, token=1)
    assert paper.effect().ended().verdict == [("C11", "poison at large")]


def test_an_innocent_job_that_is_quarantined_is_told() -> None:
    paper = Paper().sent()
    for token in (1, 2):
        paper.started(token, pid=token).killed(token)
    assert paper.started(3).ended(State.QUARANTINED, token=3).verdict == [("C11", "innocent quarantined")]


def test_also_when_its_processes_died_of_something_else_long_afterwards() -> None:
    paper = Paper().sent()
    for token in (1, 2, 3):
        paper.started(token, pid=token).started(id=f"next {token}", pid=token).killed(token)
    told = paper.ended(State.QUARANTINED, token=3).verdict
    assert ("C11", "innocent quarantined") in told


def test_the_poison_of_another_job_is_no_death_of_one_that_had_not_begun() -> None:
    """Such as one that waited in the same batch: it was not alone."""
    paper = never_begun().sent("bad", "poison").ended(State.QUARANTINED, id="bad")
    for number in (1, 2, 3):
        paper.write("die", "bad", pid=number, token=number)
    told = paper.ended(State.QUARANTINED, token=3).verdict
    assert told == [("C11", "innocent quarantined")]


def test_a_cancelled_job_that_starts_is_told() -> None:
    paper = Paper().sent(kind="cancelled").write("cancel", "job", data={"state": "cancelled"})
    assert paper.started().ended(State.CANCELLED).verdict == [("G14", "started though cancelled")]


def test_one_that_ran_when_it_was_cancelled_is_not() -> None:
    paper = Paper().sent(kind="cancelled").started().write("cancel", "job", data={"state": "running"})
    assert paper.effect().ended().verdict == []


def test_a_job_that_starts_before_it_is_due_is_told() -> None:
    paper = Paper().sent(countdown=60.0).started().effect().ended()
    assert paper.verdict == [("due", "started too early")]


def test_what_starves_after_a_fault_is_told() -> None:
    late = again(run_twice().killed(CHILD).wait(LATEST_SECONDS))
    assert late.verdict == [("C9", "run again too late")]


def test_every_count_of_a_report_can_be_more_than_nothing() -> None:
    """Each of the names is given by a test above."""
    told = {
        "lost", "phantom", "doubled while alive", "unexplained", "finished twice", "run again too late",
        "unresolved", "left over", "poison at large", "innocent quarantined", "started though cancelled",
        "started too early",
    }  # fmt: skip
    assert told == set(COUNTED)


# -- recovery


def test_recovery_is_from_the_fault_to_the_next_start_of_what_it_interrupted() -> None:
    paper = again(run_twice().killed(CHILD).wait(2))
    assert recoveries(paper.evidence) == {"child": Recovery(jobs=1, p50=3.0, p99=3.0, max=3.0)}


def test_a_death_in_a_standstill_of_everything_is_told_apart() -> None:
    paper = again(run_twice().stopped(OTHER, seconds=20).killed(CHILD).wait(2))
    assert list(recoveries(paper.evidence)) == ["child, held up"]


def test_a_death_while_the_server_was_away_is_told_apart_too() -> None:
    kind = {"kind": "black hole"}
    paper = run_twice().write("storm", data=kind).killed(CHILD).wait(6).write("over", data=kind)
    assert list(recoveries(again(paper).evidence)) == ["black hole", "child, held up"]


def outage(paper: Paper, seconds: float, kind: str = "refuse") -> Paper:
    paper.write("storm", data={"kind": kind}).clock -= SECOND
    return paper.wait(seconds).write("over", data={"kind": kind})


@pytest.mark.parametrize("kind", ["stop worker", "stop child"])
def test_a_stop_while_the_server_was_away_is_told_apart(kind: str) -> None:
    pids = [SUPERVISOR, CHILD] if kind == "stop worker" else [CHILD]
    paper = in_company().stopped(CHILD, seconds=20, kind=kind, pids=pids)
    assert told(outage(paper, 3)) == [f"{kind}, held up"]


def test_one_that_comes_after_an_outage_or_a_cut_is_not() -> None:
    paper = outage(in_company(), 3).stopped(CHILD, seconds=20, pids=[SUPERVISOR, CHILD])
    assert told(outage(paper, -0.99, "cut")) == ["stop worker"]


def test_a_stop_of_a_whole_worker_is_told_apart_when_no_other_one_lived_all_the_time() -> None:
    """Those that come later begin to listen when they come."""
    whole = [SUPERVISOR, CHILD]
    assert told(run_twice().stopped(CHILD, seconds=20, pids=whole)) == ["stop worker, held up"]
    assert told(in_company().stopped(CHILD, seconds=20, pids=whole)) == ["stop worker"]
    assert told(run_twice().stopped(CHILD, seconds=20, kind="stop child")) == ["stop child"]


def test_a_retry_that_a_stopped_attempt_asked_for_when_it_went_on_is_not_counted() -> None:
    paper = in_company().stopped(CHILD, seconds=20, pids=[SUPERVISOR, CHILD]).wait(19)
    paper.write("retry", "job", pid=CHILD, token=1, attempt=1)
    assert recoveries(paper.started(2, pid=OTHER, retries=1).evidence) == {}


def in_company() -> Paper:
    """Another worker has begun, too."""
    return run_twice().started(id="other", pid=OTHER)


def told(paper: Paper) -> list[str]:
    """The kinds of recoveries, but for those of the server."""
    return [kind for kind in recoveries(again(paper).evidence) if kind.startswith("stop")]


def test_what_was_finished_before_the_fault_was_not_interrupted() -> None:
    paper = Paper().sent().started().effect().killed(CHILD)
    assert recoveries(again(paper).evidence) == {}


def test_the_kinds_of_faults_are_told_apart_and_a_short_standstill_is_none() -> None:
    paper = run_twice().stopped(CHILD, seconds=2)
    assert recoveries(again(paper.wait(8)).evidence) == {}
    paper = run_twice().stopped(CHILD, seconds=20)
    assert list(recoveries(again(paper.wait(8)).evidence)) == ["stop worker"]
    paper = Paper().sent("bad", "poison").started(id="bad").write("die", "bad", pid=CHILD, token=1)
    assert list(recoveries(paper.started(2, id="bad", pid=OTHER).evidence)) == ["poison"]


def test_percentiles_are_values_that_were_seen() -> None:
    assert Recovery.of(map(float, range(1, 101))) == Recovery(jobs=100, p50=50.0, p99=99.0, max=100.0)
    assert Recovery.of([2.0, 1.0]) == Recovery(jobs=2, p50=1.0, p99=2.0, max=2.0)
