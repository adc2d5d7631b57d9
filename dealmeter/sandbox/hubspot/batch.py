"""The frame that all batch answers share."""

from datetime import datetime

import orjson

from dealmeter.sandbox.clock import milliseconds
from dealmeter.sandbox.http import Answer
from dealmeter.sandbox.hubspot.call import Call
from dealmeter.sandbox.hubspot.property import iso


def batch_answer(call: Call, results: list[bytes], errors: list[dict[str, object]], started: datetime) -> Answer:
    """The frame of every batch answer: 207 when something went wrong, until 2026-09 made that a 200."""
    tail: dict[str, object] = {
        "startedAt": iso(milliseconds(started)),
        "completedAt": iso(call.portal.world.clock.ms()),
    }
    if errors:
        tail = {"numErrors": len(errors), "errors": errors, **tail}
    body = b'{"status":"COMPLETE","results":[' + b",".join(results) + b"]," + orjson.dumps(tail)[1:]
    return Answer(207 if errors and not call.single_status else 200, body)
