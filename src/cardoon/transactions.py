"""Jobs that wait for a transaction: stored when it has committed, never when it was rolled back."""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import Any

from cardoon.model.errors import InvalidOption
from cardoon.model.message import Message

log = logging.getLogger("cardoon")

Store = Callable[[list[Message]], None]


def after_commit(tm: Any, messages: list[Message], store: Store) -> None:
    """Call `store` with these messages once the transaction that is open on `tm` has committed.

    `tm` is a transaction manager as the `transaction` package has it. A rollback drops the messages, one to
    an earlier savepoint too. What `store` raises is logged with the id of each job, and not raised: the
    transaction stands. Raises InvalidOption for what is no transaction manager.
    """
    _open(tm).join(_Waiting(tm, messages, store))


def _open(tm: Any) -> Any:
    """The transaction that is open on it; by default the manager begins one."""
    if hasattr(tm, "get") and hasattr(tm, "begin"):
        transaction = _current(tm)
        if hasattr(transaction, "join") and hasattr(transaction, "addAfterCommitHook"):
            return transaction
    raise InvalidOption(
        f"tm must be a transaction manager, such as request.tm or transaction.manager, not {tm!r:.80}"
    )


def _current(tm: Any) -> Any:
    try:
        return tm.get()
    except Exception as error:
        why = type(error).__name__
        raise InvalidOption(f"no transaction is open on tm ({why}); begin one, or leave tm out") from error


class _Waiting:
    """One send, as a member of the transaction: so it learns of rollbacks to savepoints, unlike a hook.

    The names of its methods are those of a data manager.
    """

    def __init__(self, tm: Any, messages: list[Message], store: Store) -> None:
        self.transaction_manager = tm
        self._messages = messages
        self._store = store

    def sortKey(self) -> str:
        return "~cardoon"

    def tpc_begin(self, transaction: Any) -> None:
        """Nothing to prepare: all was checked when it was sent."""

    commit = tpc_vote = tpc_abort = abort = tpc_begin

    def tpc_finish(self, transaction: Any) -> None:
        """It commits: wait for the other members too, which may still fail."""
        transaction.addAfterCommitHook(self._committed)

    def savepoint(self) -> _Waiting:
        """What was sent before the savepoint stays sent."""
        return self

    def rollback(self) -> None:
        """See `savepoint`. A rollback to an earlier one makes the transaction let go of this."""

    def _committed(self, success: bool) -> None:
        if not success:
            return
        try:
            self._store(self._messages)
        except Exception as error:
            for message in self._messages:
                log.error(
                    "%s[%s] was not stored after its transaction committed: %s",
                    message.task,
                    message.id,
                    error,
                )
