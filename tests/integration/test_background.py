"""Transactions behind the caller's back: in order, whole or not at all, and never left hanging."""

from __future__ import annotations

import os
import signal
import threading
import time
from functools import partial

import pytest

from trackstar_db.database.background import BackgroundTransactions, result_of
from trackstar_db.database.engine import Connection, Database

INSERT = "INSERT INTO written VALUES (%s)"


@pytest.fixture
def written(database: Database) -> Database:
    with database.connect() as connection:
        connection.execute("CREATE TABLE written (number integer PRIMARY KEY)")
    return database


def numbers(database: Database) -> list[int]:
    with database.connect() as connection:
        return [number for (number,) in connection.execute("SELECT number FROM written ORDER BY ctid")]


def insert(connection: Connection, number: int) -> int:
    connection.execute(INSERT, (number,))
    return number


def test_tasks_run_in_order_each_in_a_transaction_and_give_what_they_return(written: Database) -> None:
    with BackgroundTransactions(written, "test") as thread:
        given = [thread.submit(partial(insert, number=number)) for number in (3, 1, 2)]
    assert [future.result() for future in given] == [3, 1, 2]
    assert numbers(written) == [3, 1, 2]


def test_a_task_that_fails_is_rolled_back_and_the_next_goes_on(written: Database) -> None:
    def fail(connection: Connection) -> None:
        insert(connection, 1)
        raise KeyError("spoilt")

    with BackgroundTransactions(written, "test") as thread:
        failed, good = thread.submit(fail), thread.submit(partial(insert, number=2))
        with pytest.raises(KeyError, match="spoilt"):
            failed.result()
        assert good.result() == 2
    assert numbers(written) == [2]


def test_an_error_in_the_block_drops_what_has_not_begun(written: Database) -> None:
    has_begun, may_end = threading.Event(), threading.Event()

    def slow(connection: Connection) -> None:
        has_begun.set()
        may_end.wait(10)
        insert(connection, 1)

    def interrupted() -> None:
        with BackgroundTransactions(written, "test") as thread:
            thread.submit(slow)
            thread.submit(partial(insert, number=2))
            has_begun.wait(10)
            may_end.set()
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        interrupted()
    assert numbers(written) == [1]  # it was at work, and ended whole


def test_a_task_that_waits_for_a_lock_is_cancelled_when_the_block_is_interrupted(written: Database) -> None:
    def interrupted() -> None:
        with BackgroundTransactions(written, "test") as thread:
            thread.submit(partial(insert, number=1))
            raise KeyboardInterrupt

    with written.connect() as other:
        other.execute("LOCK TABLE written")
        started = time.monotonic()
        with pytest.raises(KeyboardInterrupt):
            interrupted()
        assert time.monotonic() - started < 60  # and not for as long as the lock is held
    assert numbers(written) == []


def test_ctrl_c_ends_a_wait_that_no_signal_wakes(written: Database) -> None:
    def signal_another_thread() -> None:
        time.sleep(0.2)
        signal.pthread_kill(threading.get_ident(), signal.SIGINT)

    def interrupted() -> None:
        with BackgroundTransactions(written, "test") as thread:
            waiting = thread.submit(partial(insert, number=1))
            threading.Thread(target=signal_another_thread).start()
            result_of(waiting)

    with written.connect() as other:
        other.execute("LOCK TABLE written")
        with pytest.raises(KeyboardInterrupt):
            interrupted()
    assert numbers(written) == []


def test_ctrl_c_while_the_last_task_waits_for_a_lock_cancels_it(written: Database) -> None:
    def interrupt_when_it_waits() -> None:
        time.sleep(0.2)
        os.kill(os.getpid(), signal.SIGINT)

    def interrupted() -> None:
        with BackgroundTransactions(written, "test") as thread:
            thread.submit(partial(insert, number=1))
            threading.Thread(target=interrupt_when_it_waits).start()

    with written.connect() as other:
        other.execute("LOCK TABLE written")
        with pytest.raises(KeyboardInterrupt):
            interrupted()
    assert numbers(written) == []
