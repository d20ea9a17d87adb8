"""`GET /metrics`, for Prometheus."""

from collections.abc import Iterator

from prometheus_client import CollectorRegistry, ProcessCollector, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric

from busylight.core.knowledge import Known
from busylight.core.view import PartState, View
from busylight.edge.tally import GRAPH_REQUESTS

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"


class Snapshot:
    """The program at one moment, as Prometheus' library collects it."""

    def __init__(self, view: View, now: float, last_success: float | None, viewers: int) -> None:
        """`last_success` and `now` on the clock that counts through suspend."""
        self._view = view
        self._now = now
        self._last_success = last_success
        self._viewers = viewers

    def text(self) -> bytes:
        """All of it, in Prometheus' text format."""
        registry = CollectorRegistry()
        registry.register(self)
        ProcessCollector(registry=registry)
        return generate_latest(registry)

    def describe(self) -> list[Metric]:
        """Nothing: what is collected tells it."""
        return []

    def collect(self) -> Iterator[Metric]:
        """Yield each metric."""
        view, diagnostics = self._view, self._view.diagnostics
        info = GaugeMetricFamily(
            "busylight_info", "The program, always 1", labels=["version", "source"]
        )
        info.add_metric([diagnostics.version, diagnostics.source], 1)
        yield info
        yield _gauge(
            "busylight_uptime_seconds",
            "Since the program began",
            self._now - diagnostics.started_at,
        )
        yield _gauge(
            "busylight_presence_known",
            "Whether the presence that the light is about is known",
            isinstance(view.knowledge, Known),
        )
        if self._last_success is not None:
            yield _gauge(
                "busylight_presence_age_seconds",
                "Since the last good reading; absent before the first one",
                self._now - self._last_success,
            )
        yield _gauge("busylight_signed_in", "Whether somebody is signed in", diagnostics.signed_in)
        state = GaugeMetricFamily("busylight_light", "What decides the light, 1", labels=["state"])
        state.add_metric([view.state], 1)
        yield state
        yield _gauge(
            "busylight_override", "Whether the light was set by hand", view.override is not None
        )
        if view.people:
            known = sum(isinstance(each.knowledge, Known) for each in view.people.values())
            yield _gauge("busylight_people", "People who are watched", len(view.people))
            yield _gauge("busylight_people_known", "People whose presence is known", known)
        yield from self._parts()
        requests = CounterMetricFamily(
            "busylight_graph_requests",
            "Requests to Graph and its sign-in server, by what became of them",
            labels=["result"],
        )
        errors = 0
        for result, count in sorted(GRAPH_REQUESTS.counts.items()):
            requests.add_metric([result], count)
            errors += 0 if result == "2xx" else count
        yield requests
        yield CounterMetricFamily(
            "busylight_graph_errors", "Of those, the ones without a good answer", value=errors
        )
        yield _gauge("busylight_web_viewers", "Browsers and programs that look on", self._viewers)

    def _parts(self) -> Iterator[Metric]:
        diagnostics = self._view.diagnostics
        well = GaugeMetricFamily(
            "busylight_output_connected", "Whether the output works", labels=["output"]
        )
        faults = CounterMetricFamily(
            "busylight_faults", "How often a part has failed", labels=["part"]
        )
        for name, health in diagnostics.outputs.items():
            well.add_metric([name], health.state in (PartState.CONNECTED, PartState.RELEASED))
        for part in ["source", *diagnostics.outputs]:
            faults.add_metric([part], diagnostics.faults.get(part, 0))
        yield well
        yield faults


def _gauge(name: str, about: str, value: float) -> Metric:
    return GaugeMetricFamily(name, about, value=value)
