"""Celery's settings: how older versions spelled them, and why some have nothing to do here."""

from __future__ import annotations


def _words(text: str) -> list[str]:
    return text.split()


def _by_name(table: dict[str, str]) -> dict[str, str]:
    return {name: reason for reason, names in table.items() for name in _words(names)}


ALIASES = {"broker_url": "url"}
"""Celery's name of a setting -> the one used here; all others are the same in both."""

NOT_NEEDED = _by_name(
    {
        "a job stays with its engine until its attempt ended": """
            task_acks_late task_acks_on_failure_or_timeout task_reject_on_worker_lost
            worker_cancel_long_running_tasks_on_connection_loss worker_deduplicate_successful_tasks""",
        "workers take only what they can start soon": """
            worker_prefetch_multiplier worker_disable_prefetch worker_enable_prefetch_count_reduction
            worker_detect_quorum_queues""",
        "delayed jobs wait in the engine": """
            worker_eta_task_limit worker_timer worker_timer_precision worker_eta_scheduler
            worker_eta_scheduler_precision broker_native_delayed_delivery_queue_type""",
        "a running job always says that it runs": "task_track_started",
        "arguments and times are always kept with a job": "result_extended",
        "the history of jobs is kept by the engine": """
            worker_send_task_events task_send_sent_event event_queue_expires event_queue_ttl
            event_queue_prefix event_queue_durable event_queue_exclusive event_serializer event_exchange""",
        "the engine keeps its own connections; `url` says where": """
            broker_transport broker_transport_options broker_connection_timeout broker_connection_retry
            broker_connection_retry_on_startup broker_connection_max_retries broker_channel_error_retry
            broker_failover_strategy broker_heartbeat broker_heartbeat_checkrate broker_login_method
            broker_pool_limit broker_use_ssl broker_read_url broker_write_url broker_insist""",
        "write it as a part of `url`": "broker_host broker_port broker_user broker_password broker_vhost",
        "results are kept with their jobs, where `url` says": """
            result_backend_transport_options result_backend_thread_safe result_backend_always_retry
            result_backend_max_sleep_between_retries_ms result_backend_base_sleep_between_retries_ms
            result_backend_max_retries result_cache_max result_exchange result_exchange_type
            result_persistent result_dburi result_chord_join_timeout result_chord_retry_interval
            cache_backend cache_backend_options database_engine_options database_short_lived_sessions
            database_table_schemas database_table_names database_create_tables_at_setup
            redis_host redis_port redis_db redis_username redis_password redis_max_connections
            redis_socket_timeout redis_socket_connect_timeout redis_retry_on_timeout
            redis_socket_keepalive redis_backend_use_ssl redis_backend_health_check_interval
            redis_client_name redis_backend_credential_provider mongodb_backend_settings""",
        "results travel in the form of `task_serializer`": "result_serializer result_accept_content",
        "large values are refused, not compressed": "task_compression result_compression",
        "the wire format has one version at a time": "task_protocol",
        "`delay` returns when the job exists, or raises": "task_publish_retry task_publish_retry_policy",
        "every queue has the priorities 0 to 9": "task_queue_max_priority",
        "error texts and tracebacks are always stored": "task_remote_tracebacks",
        "workers are told through the engine": """
            worker_enable_remote_control worker_state_db control_queue_ttl control_queue_expires
            control_queue_durable control_queue_exclusive control_exchange""",
        "the worker has no such part": """
            worker_agent worker_consumer worker_autoscaler worker_mediator worker_pool_putlocks
            worker_pool_restarts worker_proc_alive_timeout worker_lost_wait worker_direct""",
        "`worker_shutdown_timeout` says how long running jobs may take to end": """
            worker_soft_shutdown_timeout worker_enable_soft_shutdown_on_idle""",
        "the root logger belongs to the application": """
            worker_hijack_root_logger worker_log_color worker_log_format worker_task_log_format
            worker_log_file""",
        "what a task prints goes where it always goes": """
            worker_redirect_stdouts worker_redirect_stdouts_level""",
        "schedules are kept by the engine": """
            beat_scheduler beat_schedule_filename beat_max_loop_interval beat_sync_every
            beat_log_file beat_log_level""",
    }
)
"""Celery's settings that have no effect here, each with the reason."""

NOT_YET = _by_name(
    {
        "schedules": "beat_schedule beat_cron_starting_deadline",
        "routes": "task_routes task_inherit_parent_priority",
        "annotations": "task_annotations",
        "rate limits": "task_default_rate_limit worker_disable_rate_limits",
        "recycling of workers by setting": "worker_max_tasks_per_child worker_max_memory_per_child",
        "the choice of a pool by setting": "worker_pool",
        "exchanges and routing keys": """
            task_default_exchange task_default_exchange_type task_default_routing_key
            task_default_delivery_mode task_default_queue_type task_create_missing_queue_type
            task_create_missing_queue_exchange_type""",
        "signed messages": """
            security_key security_key_password security_certificate security_cert_store security_digest""",
        "stored results of eager calls": "task_store_eager_result",
        "chords": "task_allow_error_cb_on_chord_header chord_propagates",
        "error mails": "send_task_error_emails",
    }
)
"""Celery's settings of features that are not built yet, each with the feature."""

_OLD_TASK = _words("""
    acks_late always_eager annotations create_missing_queues default_delivery_mode default_exchange
    default_exchange_type default_queue default_rate_limit default_routing_key eager_propagates
    ignore_result publish_retry publish_retry_policy queues queue_max_priority routes
    store_errors_even_if_ignored track_started
""")
_OLD_WORKER = _words("disable_rate_limits enable_remote_control redirect_stdouts redirect_stdouts_level")
_OLD_REST = {
    "CELERY_EAGER_PROPAGATES_EXCEPTIONS": "task_eager_propagates",
    "CELERY_TASK_RESULT_EXPIRES": "result_expires",
    "CELERY_AMQP_TASK_RESULT_EXPIRES": "result_expires",
    "CELERYD_TASK_TIME_LIMIT": "task_time_limit",
    "CELERYD_TASK_SOFT_TIME_LIMIT": "task_soft_time_limit",
    "CELERY_MESSAGE_COMPRESSION": "task_compression",
    "CELERY_MAX_CACHED_RESULTS": "result_cache_max",
    "CELERY_SEND_EVENTS": "worker_send_task_events",
    "CELERY_SEND_TASK_SENT_EVENT": "task_send_sent_event",
    "CELERY_RESULT_ENGINE_OPTIONS": "database_engine_options",
    "CELERY_RESULT_DB_SHORT_LIVED_SESSIONS": "database_short_lived_sessions",
    "CELERY_RESULT_DB_TABLENAMES": "database_table_names",
}
OLD = {
    **{f"CELERY_{word.upper()}": f"task_{word}" for word in _OLD_TASK},
    **{f"CELERY_{word.upper()}": f"worker_{word}" for word in _OLD_WORKER},
    **_OLD_REST,
}
"""Upper-case names from before Celery 4 that no rule gives -> the lower-case name."""

OLD_PREFIXES = {"CELERYD_": "worker_", "CELERYBEAT_": "beat_", "BROKER_": "broker_"}
"""Prefixes from before Celery 4 -> those of the lower-case names; CELERY_ itself was regular nowhere."""


def modern(name: str) -> str | None:
    """The lower-case name of an upper-case one from before Celery 4; None when it is none of these."""
    if name in OLD:
        return OLD[name]
    for old, new in OLD_PREFIXES.items():
        if name.startswith(old):
            return new + name.removeprefix(old).lower()
    return None


def old_spellings(name: str) -> list[str]:
    """How Celery wrote a lower-case setting of its own before its version 4, today's CELERY_ names apart."""
    listed = [old for old, new in OLD.items() if new == name]
    by_prefix = [(old, new) for old, new in OLD_PREFIXES.items() if name.startswith(new)]
    return listed + [old + name.removeprefix(new).upper() for old, new in by_prefix]
