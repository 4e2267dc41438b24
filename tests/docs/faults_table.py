"""The faults F1 to F46, each with the tests that bring it about, or the reason why none does yet."""

from __future__ import annotations

from typing import NamedTuple


class Fault(NamedTuple):
    """`tests` are `file::test` below `tests/`, or `law group/name`. `figure` says where its figure is read:
    a kind of kill, standstill or outage, `zombies`, `outages`, `poison` or `unknown fates`.
    """

    id: str
    what: str
    tests: tuple[str, ...] = ()
    why: str = ""
    figure: str = ""


TORTURE = "journeys/test_torture.py::test_whatever_is_killed_nothing_is_lost_and_nothing_is_doubled"
STORMS = "journeys/test_torture.py::test_nor_when_the_server_is_killed_and_connections_are_cut"
RABBITMQ = "to come with RabbitMQ"

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
            "journeys/test_heartbeat.py::test_a_worker_that_was_stopped_as_a_whole_and_goes_on_beats_on",
        ),
        figure="zombies",
    ),
    Fault(
        "F6",
        "who looks for the dead stands still",
        (
            "unit/model/test_silence.py::test_a_sweeper_that_was_stopped_forgets_what_it_saw",
            "conformance/test_postgres.py"
            "::test_who_stands_still_in_the_middle_of_a_sweep_holds_up_nobody_for_long",
        ),
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
    Fault(
        "F18",
        "no process can be started",
        (
            "journeys/test_faults.py"
            "::test_when_no_process_can_be_started_the_worker_tries_again_and_blames_nobody",
            "unit/model/test_silence.py::test_who_cannot_look_proves_nobody_dead",
        ),
    ),
    Fault(
        "F19",
        "a sender does not learn that its job was stored",
        (
            "journeys/test_failpoints.py::test_a_sender_killed_at_any_place_sends_one_job_when_it_tries_again",
            "law push/a_repeated_push_makes_no_second_job",
            "law cuts/a_push_that_is_cut_and_repeated_makes_one_job",
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
            "law cuts/claims_that_were_cut_are_found_by_held",
        ),
    ),
    Fault(
        "F21",
        "a worker does not learn that an end was stored",
        (
            "unit/engines/test_failpoints.py::test_an_end_whose_answer_nobody_saw_stands",
            "law cuts/an_end_that_is_cut_and_repeated_is_not_refused",
        ),
    ),
    Fault("F22", "the reply to a COMMIT of the application is lost", why="to come with transactional ends"),
    Fault(
        "F23",
        "the connection is reset again and again",
        (
            STORMS,
            "law network/however_often_it_is_cut_it_comes_back",
            "law cuts/whatever_is_cut_says_so_and_goes_on",
        ),
        figure="cut",
    ),
    Fault(
        "F24",
        "accepted, but silent",
        (STORMS, "law network/in_a_black_hole_every_call_ends"),
        figure="black hole",
    ),
    Fault(
        "F25",
        "half-open after a power cut",
        (
            "law network/connections_that_died_in_silence_are_replaced",
            "law network/who_hears_nothing_still_finds_work",
            "law network/who_hears_nothing_still_finds_results",
        ),
    ),
    Fault("F26", "a slow link", ("law network/a_slow_link_in_small_pieces_changes_nothing",)),
    Fault(
        "F27", "one worker is cut off", ("law network/a_worker_that_was_cut_off_writes_nothing_afterwards",)
    ),
    Fault(
        "F28",
        "the server is killed and restarted",
        (
            STORMS,
            "law server/what_was_acknowledged_outlives_the_server",
            "law server/who_waits_for_a_result_outlives_the_server",
        ),
        figure="server",
    ),
    Fault(
        "F29",
        "the server is away for a minute",
        (
            "journeys/test_torture.py"
            "::test_after_an_outage_work_goes_on_within_two_seconds_and_nothing_is_run_twice",
            "journeys/test_outages.py::test_a_worker_that_is_started_before_its_server_waits_for_it",
            "journeys/test_outages.py"
            "::test_a_process_that_ends_while_the_server_is_away_is_replaced_when_it_is_back",
            "journeys/test_outages.py::test_a_worker_that_is_refused_for_a_while_keeps_what_it_runs",
            "law server/an_outage_retires_nobody",
            "law server/an_engine_object_outlives_its_server",
            "law server/the_first_call_after_a_restart_is_answered",
        ),
        figure="outages",
    ),
    Fault(
        "F30",
        "the server refuses connections",
        (
            STORMS,
            "law network/who_is_refused_says_so_and_comes_back",
            "faults/test_server_limits.py"
            "::test_a_server_without_a_free_connection_says_so_and_is_used_again_when_it_has_one",
        ),
        figure="refuse",
    ),
    Fault("F31", "a call is cancelled on its way", why="engines are sync code: nothing cancels a call"),
    Fault(
        "F32",
        "Redis forgets its scripts, or has no memory left",
        (
            "conformance/test_redis.py::test_scripts_that_were_flushed_are_sent_again",
            "conformance/test_redis.py::test_without_memory_nothing_is_written_and_what_is_there_goes_on",
            "conformance/test_redis.py::test_a_replica_is_refused",
        ),
    ),
    Fault(
        "F33",
        "the server fails over to a replica",
        (
            "journeys/test_outages.py::test_after_a_failover_work_goes_on_where_the_address_leads",
            "journeys/test_outages.py::test_a_primary_that_is_demoted_is_left_for_the_new_one",
        ),
        why="what a replica that lags behind had not heard is gone, as replication is asynchronous",
    ),
    Fault("F34", "RabbitMQ cannot route, or blocks", why=RABBITMQ),
    Fault("F35", "RabbitMQ delivers a finished job again", why=RABBITMQ),
    Fault(
        "F36",
        "PostgreSQL ends a session or a statement",
        (
            "conformance/test_postgres.py::test_a_session_that_was_ended_is_replaced",
            "conformance/test_postgres.py::test_a_lock_that_is_held_elsewhere_ends_a_call_in_time",
        ),
    ),
    Fault(
        "F37",
        "a pooler gives each transaction another session",
        (
            "conformance/test_postgres.py::test_a_pooler_is_noticed_and_polled_through",
            "conformance/test_postgres.py::test_the_laws_hold_behind_a_pooler",
        ),
    ),
    Fault(
        "F38",
        "the disk is full",
        (
            "faults/test_full_disk.py::test_a_disk_in_trouble_loses_nothing",
            "unit/engines/test_sqlite_rows.py::test_a_full_disk_refuses_the_job_and_keeps_the_earlier_ones",
            "faults/test_full_server.py"
            "::test_a_server_with_a_full_disk_says_so_and_goes_on_with_all_when_there_is_room",
        ),
    ),
    Fault(
        "F39",
        "a sync fails once",
        ("faults/test_power_loss.py::test_durable_survives_syncs_that_fail_before_the_power_does",),
        why="what a server does then is the server's",
    ),
    Fault(
        "F40",
        "the power fails",
        ("faults/test_power_loss.py::test_after_a_power_cut_the_file_is_as_its_profile_promises",),
        why="what a server keeps then is the server's; its kill is F28",
    ),
    Fault(
        "F41",
        "the SQLite file is not to be used",
        (
            "unit/engines/test_sqlite_place.py::test_a_file_on_a_network_file_system_is_refused",
            "unit/engines/test_sqlite_place.py::test_a_file_that_is_no_database_is_refused_and_left_as_it_was",
        ),
    ),
    Fault(
        "F42",
        "another program keeps the SQLite file locked",
        (
            "unit/engines/test_sqlite_rows.py::test_a_turn_that_somebody_keeps_is_waited_for_in_bounded_time",
            "unit/engines/test_sqlite_strangers.py::test_a_stranger_that_writes_is_waited_for",
        ),
    ),
    Fault("F43", "SQLite has the bug of the log", why="`check` and the profile name the version"),
    Fault(
        "F44",
        "a snapshot is held open in PostgreSQL",
        (
            "conformance/test_postgres.py::test_a_long_snapshot_does_not_slow_claims",
            "conformance/test_postgres.py"
            "::test_what_comes_back_under_a_long_snapshot_is_claimed_before_younger_jobs",
        ),
    ),
    Fault("F45", "results cannot be stored", why="they are stored where the jobs are, in the same step"),
    Fault(
        "F46",
        "the schema is older or newer",
        (
            "unit/engines/test_sqlite_place.py::test_a_newer_schema_asks_for_an_upgrade",
            "unit/engines/test_sqlite_place.py::test_migrations_are_applied_once",
            "conformance/test_postgres.py::test_a_newer_schema_is_refused_with_both_numbers",
            "conformance/test_postgres.py::test_migrating_twice_at_once_is_migrating_once",
            "conformance/test_redis.py::test_a_layout_that_is_newer_is_refused_with_both_numbers",
        ),
    ),
)
