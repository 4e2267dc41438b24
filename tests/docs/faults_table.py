"""The faults F1 to F30, each with the tests that bring it about, or the reason why none does yet."""

from __future__ import annotations

from typing import NamedTuple


class Fault(NamedTuple):
    """`tests` are `file::test` below `tests/`, or `law group/name`. `figure` says where its figure is read:
    a kind of kill or standstill, `zombies`, `poison` or `unknown fates`.
    """

    id: str
    what: str
    tests: tuple[str, ...] = ()
    why: str = ""
    figure: str = ""


TORTURE = "journeys/test_torture.py::test_whatever_is_killed_nothing_is_lost_and_nothing_is_doubled"
NO_NETWORK = "SQLite is a file, no connection can fail; to come with the engines that are servers"
NO_SERVER = "SQLite has no server that could be away; to come with the engines that are servers"

FAULTS = (
    Fault("F1", "kill -9 of one process in a body", (TORTURE,), figure="child"),
    Fault(
        "F2",
        "kill -9 of the supervisor alone",
        (
            TORTURE,
            "journeys/test_faults.py::test_a_killed_supervisor_takes_its_processes_with_it",
            "journeys/test_cli_worker.py"
            "::test_the_processes_of_a_killed_supervisor_end_and_another_worker_runs_their_job",
        ),
        figure="supervisor",
    ),
    Fault(
        "F3",
        "kill -9 of everything at once",
        (TORTURE, "journeys/test_faults.py::test_what_was_running_is_run_again_after_a_kill"),
        figure="group",
    ),
    Fault(
        "F4",
        "kill -9 at each failpoint",
        (
            "journeys/test_failpoints.py::test_a_worker_killed_at_any_place_loses_and_doubles_nothing",
            "unit/engines/test_failpoints.py::test_a_sweep_killed_in_the_middle_has_done_nothing_and_the_next_does_it",
        ),
        figure="failpoint",
    ),
    Fault(
        "F5",
        "a worker stands still until another one takes over, and goes on",
        (
            "journeys/test_torture.py::test_a_zombie_can_write_nothing",
            "law lease/a_lost_attempt_sends_nothing",
        ),
        figure="zombies",
    ),
    Fault(
        "F6",
        "who looks for the dead stands still",
        ("unit/model/test_silence.py::test_a_sweeper_that_was_stopped_forgets_what_it_saw",),
        figure="stop supervisor",
    ),
    Fault("F7", "`os._exit(0)` in a body", (TORTURE,), figure="poison"),
    Fault("F8", "a crash in C code", (TORTURE,), figure="poison"),
    Fault(
        "F9",
        "the kernel kills for want of memory",
        (
            "journeys/test_faults.py"
            "::test_a_process_that_needs_more_than_its_group_may_have_is_killed_by_the_kernel",
        ),
    ),
    Fault("F10", "poison among good jobs", (TORTURE,), figure="poison"),
    Fault(
        "F11",
        "a body that ignores its limit for ever",
        ("journeys/test_limits.py::test_a_hard_limit_ends_whatever_runs_and_all_who_should_hear_of_it",),
    ),
    Fault(
        "F12",
        "a task leaves processes behind",
        (
            "journeys/test_trouble.py"
            "::test_a_process_that_a_task_left_is_ended_after_a_crash_and_warned_about_at_an_orderly_end",
        ),
    ),
    Fault(
        "F13",
        "a task forks with the engine open",
        (
            "law life/a_forked_process_may_call",
            "unit/engines/test_sqlite_rows.py::test_a_forked_process_opens_connections_of_its_own",
        ),
    ),
    Fault(
        "F14",
        "deploys under load",
        (
            TORTURE,
            "journeys/test_cli_worker.py::test_term_lets_the_running_job_end_and_claims_no_other",
        ),
        figure="deploy",
    ),
    Fault(
        "F15",
        "a second signal",
        (TORTURE, "journeys/test_cli_worker.py::test_the_second_signal_gives_the_running_job_back"),
        figure="force",
    ),
    Fault(
        "F16",
        "the host is started anew",
        ("unit/model/test_silence.py::test_nothing_is_proven_about_another_host_boot_or_container",),
        why="another boot proves nothing, so after it the 8 seconds of silence decide",
    ),
    Fault("F17", "the host sleeps", why="to come with schedules; one worker that sleeps is F5"),
    Fault("F18", "no process can be started", why="not brought about yet"),
    Fault(
        "F19",
        "a sender does not learn that its job was stored",
        (
            "journeys/test_failpoints.py::test_a_sender_killed_at_any_place_sends_one_job_when_it_tries_again",
            "law push/a_repeated_push_makes_no_second_job",
        ),
        figure="unknown fates",
    ),
    Fault(
        "F20",
        "a worker does not learn what it claimed",
        (
            "law held/a_lost_claim_is_taken_up",
            "unit/engines/test_failpoints.py"
            "::test_claims_that_their_worker_never_saw_are_held_and_can_be_settled",
        ),
    ),
    Fault(
        "F21",
        "a worker does not learn that an end was stored",
        ("unit/engines/test_failpoints.py::test_an_end_whose_answer_nobody_saw_stands",),
    ),
    Fault("F22", "the reply to a COMMIT of the application is lost", why="to come with transactional ends"),
    Fault("F23", "the connection is reset again and again", why=NO_NETWORK),
    Fault("F24", "accepted, but silent", why=NO_NETWORK),
    Fault("F25", "half-open after a power cut", why=NO_NETWORK),
    Fault("F26", "a slow link", why=NO_NETWORK),
    Fault("F27", "one worker is cut off", why=NO_NETWORK),
    Fault("F28", "the server is killed and restarted", why=NO_SERVER),
    Fault("F29", "the server is away for a minute", why=NO_SERVER),
    Fault("F30", "the server refuses connections", why=NO_SERVER),
)
