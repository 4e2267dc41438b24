from __future__ import annotations

import pytest

from cardoon.model.states import CELERY_NAMES, FINAL, MEANING, MOVES, WAITING, State, may_move

NOT_FINAL = [state for state in State if state not in FINAL]


def reachable(state: State) -> set[State]:
    seen: set[State] = set()
    edge = {state}
    while edge:
        seen |= edge
        edge = {after for before in edge for after in MOVES[before]} - seen
    return seen


@pytest.mark.parametrize("state", sorted(FINAL))
def test_a_final_state_has_no_moves(state: State) -> None:
    assert MOVES[state] == frozenset()
    assert not any(may_move(state, other) for other in State)


@pytest.mark.parametrize("state", NOT_FINAL)
def test_every_other_state_can_reach_success_and_cancelling(state: State) -> None:
    assert reachable(state) >= {State.SUCCEEDED, State.FAILED, State.CANCELLED}


def test_every_state_can_be_reached_from_those_a_job_begins_in() -> None:
    begins = {State.READY, State.DELAYED, State.BLOCKED}
    assert set().union(*map(reachable, begins)) == set(State)


def test_every_state_is_waiting_or_running_or_final() -> None:
    assert WAITING | FINAL | {State.RUNNING} == set(State)
    assert not WAITING & FINAL


def test_only_a_ready_job_starts() -> None:
    assert [state for state in State if may_move(state, State.RUNNING)] == [State.READY]


def test_every_waiting_job_can_be_cancelled_and_can_expire() -> None:
    assert all(may_move(state, State.CANCELLED) and may_move(state, State.EXPIRED) for state in WAITING)


def test_a_running_job_never_expires() -> None:
    assert not may_move(State.RUNNING, State.EXPIRED)


@pytest.mark.parametrize("table", [MEANING, MOVES, CELERY_NAMES], ids=["meaning", "moves", "celery"])
def test_every_state_stands_in_every_table(table: dict[State, object]) -> None:
    assert list(table) == list(State) or set(table) == set(State)


def test_the_meanings_differ() -> None:
    assert len(set(MEANING.values())) == len(State)


def test_the_names_are_what_is_stored() -> None:
    assert [str(state) for state in State] == [state.name.lower() for state in State]
