"""The one retry policy: waiting helps with TryLaterError and with nothing else."""

from collections.abc import Callable
from datetime import timedelta
from typing import TypeVar

from tenacity import RetryCallState, Retrying, retry_if_exception, stop_after_attempt

from connectors.base import Context, Meter
from connectors.errors import QuotaSpentError, TryLaterError

Answer = TypeVar("Answer")

ATTEMPTS = 7
FIRST_WAIT_S = 0.5
LONGEST_WAIT = timedelta(seconds=60)
"""What the CRM asks for beyond this is left to the next tick."""


def retrying(call: Callable[[], Answer], *, context: Context, meter: Meter, attempts: int = ATTEMPTS) -> Answer:
    """Call, and call again while waiting helps: after what the CRM asked for, else exponentially with jitter.

    Raises the last error when the attempts are used up, when the quota is spent, or when the CRM asks for more than a
    minute; StoppedError when the run is asked to stop meanwhile.
    """

    def wait(state: RetryCallState) -> float:
        error = _error(state)
        if error is not None and error.after is not None:
            return error.after.total_seconds() + context.random.uniform(0, 0.25)
        ceiling = min(FIRST_WAIT_S * 2 ** (state.attempt_number - 1), 30.0)
        return context.random.uniform(ceiling / 2, ceiling)

    def count(state: RetryCallState) -> None:
        error = _error(state)
        meter.retry(error.reason if error is not None else "unknown")
        seconds = state.next_action.sleep if state.next_action is not None else 0.0
        context.notice(f"{error}; trying again in {seconds:.0f} s ({state.attempt_number + 1} of {attempts})")

    policy = Retrying(
        stop=stop_after_attempt(attempts),
        retry=retry_if_exception(_waiting_helps),
        wait=wait,
        sleep=context.sleep,
        before_sleep=count,
        reraise=True,
    )
    return policy(call)


def _waiting_helps(error: BaseException) -> bool:
    return (
        isinstance(error, TryLaterError)
        and not isinstance(error, QuotaSpentError)
        and (error.after is None or error.after <= LONGEST_WAIT)
    )


def _error(state: RetryCallState) -> TryLaterError | None:
    error = state.outcome.exception() if state.outcome is not None else None
    return error if isinstance(error, TryLaterError) else None
