"""What a service counts, for Prometheus."""

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest

_SECONDS = (0.0001, 0.0002, 0.0005, 0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0)
_ROWS = (1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 1024)


class Metrics:
    """Counters of one service.

    Attributes:
        streams: open streams by model.
        rejected: requests and streams refused, by reason.
        requests: seconds of requests, by route and status.
    """

    def __init__(self) -> None:
        own = self._registry = CollectorRegistry()
        self.streams = Gauge("elman_streams_open", "Open streams", ["model"], registry=own)
        self.rejected = Counter("elman_rejected", "Refused requests and streams", ["reason"], registry=own)
        self.requests = Histogram(
            "elman_request_seconds", "Time of requests", ["route", "code"], registry=own
        )
        self._steps = Counter("elman_steps", "Steps of all streams", ["model"], registry=own)
        self._rows = Histogram(
            "elman_tick_rows", "Streams that a tick advances", ["model"], registry=own, buckets=_ROWS
        )
        self._wait = Histogram(
            "elman_step_wait_seconds",
            "Longest time that a step of a tick waited",
            ["model"],
            registry=own,
            buckets=_SECONDS,
        )
        self._compute = Histogram(
            "elman_step_compute_seconds", "Time of a tick", ["model"], registry=own, buckets=_SECONDS
        )

    def tick(self, model: str, waited: float, computed: float, rows: int) -> None:
        """Counts a tick."""
        self._steps.labels(model).inc(rows)
        self._rows.labels(model).observe(rows)
        self._wait.labels(model).observe(waited)
        self._compute.labels(model).observe(computed)

    def text(self) -> bytes:
        """Returns all in Prometheus's text format."""
        return generate_latest(self._registry)
