"""The length of the broker's queues."""

from collections.abc import Sequence

from redis import Redis

from domain.queues import KEY_PREFIX

TIMEOUT_S = 0.5


def lengths(url: str, queues: Sequence[str]) -> dict[str, int]:
    """The number of messages in each of these queues, by name. Raises RedisError."""
    with Redis.from_url(url, socket_timeout=TIMEOUT_S, socket_connect_timeout=TIMEOUT_S) as client:
        pipeline = client.pipeline(transaction=False)
        for queue in queues:
            pipeline.llen(KEY_PREFIX + queue)
        return dict(zip(queues, map(int, pipeline.execute()), strict=True))
