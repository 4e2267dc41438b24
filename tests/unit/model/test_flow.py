from __future__ import annotations

from samples import FakeClock

from cardoon.model import flow
from cardoon.model.message import Message

FIRST = Message(id="1", task="make", args=["in"], queue="q")


def linked(*links: Message, **more: object) -> Message:
    return Message(id="1", task="make", link=list(links), **more)  # type: ignore[arg-type]


def test_a_link_gets_the_value_before_its_own_arguments(fake: FakeClock) -> None:
    link = Message(id="2", task="use", args=["own"], kwargs={"k": 1}, queue="other", priority=2)
    (child,) = flow.after_success(linked(link), {"$set": [1]})
    assert child.args == [{"$set": [1]}, "own"]
    assert (child.task, child.kwargs, child.queue, child.priority) == ("use", {"k": 1}, "other", 2)
    assert child.sent == fake.seconds


def test_an_immutable_link_keeps_its_arguments() -> None:
    link = Message(id="2", task="use", args=["own"], headers={"immutable": True})
    (child,) = flow.after_success(linked(link), "value")
    assert child.args == ["own"]


def test_all_links_follow_in_their_order() -> None:
    links = [Message(id=str(number), task=f"use{number}") for number in range(2, 5)]
    assert [child.task for child in flow.after_success(linked(*links), None)] == ["use2", "use3", "use4"]


def test_the_same_end_makes_the_same_children_however_often_it_is_settled() -> None:
    job = linked(Message(id="2", task="use"), Message(id="3", task="use"))
    once = [child.id for child in flow.after_success(job, 1)]
    assert [child.id for child in flow.after_success(job, 1)] == once
    assert len(set(once)) == 2


def test_one_link_of_two_jobs_makes_two_children() -> None:
    link = Message(id="2", task="use")
    (first,) = flow.after_success(Message(id="1", task="make", link=[link]), None)
    (other,) = flow.after_success(Message(id="0", task="make", link=[link]), None)
    assert first.id != other.id


def test_the_links_of_a_link_wait_for_their_turn() -> None:
    last = Message(id="3", task="last", args=["own"])
    (child,) = flow.after_success(linked(Message(id="2", task="use", link=[last])), 1)
    assert child.link == [last]
    (grandchild,) = flow.after_success(child, 2)
    assert (grandchild.args, grandchild.parent, grandchild.root) == ([2, "own"], child.id, "1")


def test_a_child_knows_its_parent_and_the_root_of_all() -> None:
    link = Message(id="2", task="use")
    (child,) = flow.after_success(linked(link, root="0", parent="0"), None)
    assert (child.parent, child.root) == ("1", "0")


def test_an_errback_gets_the_id_of_the_failed_job() -> None:
    failed = Message(id="1", task="make", link_error=[Message(id="2", task="tell", args=["own"])])
    (child,) = flow.after_failure(failed)
    assert child.args == ["1", "own"]
    assert flow.after_success(failed, 1) == ()


def test_the_linked_message_itself_is_left_as_it_was() -> None:
    link = Message(id="2", task="use", args=["own"])
    flow.after_success(linked(link), 1)
    assert link == Message(id="2", task="use", args=["own"])


def test_a_job_without_links_is_followed_by_nothing() -> None:
    assert flow.after_success(FIRST, 1) == flow.after_failure(FIRST) == ()
