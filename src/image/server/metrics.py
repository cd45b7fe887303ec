"""Prometheus' text format 0.0.4 for a handful of metrics. Labels are route templates and status codes: bounded."""

from __future__ import annotations

from collections import defaultdict

BUCKETS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)


class Metrics:
    """Counts requests. Written from the event loop only, so that no lock is needed."""

    def __init__(self) -> None:
        self.in_progress = 0
        self._requests: dict[tuple[str, int], int] = defaultdict(int)
        self._buckets: dict[str, list[int]] = defaultdict(lambda: [0] * len(BUCKETS))
        self._sum: dict[str, float] = defaultdict(float)

    def observe(self, endpoint: str, status: int, seconds: float) -> None:
        self._requests[endpoint, status] += 1
        self._sum[endpoint] += seconds
        counts = self._buckets[endpoint]
        for index, bound in enumerate(BUCKETS):
            if seconds <= bound:
                counts[index] += 1

    def text(self, name: str, version: str, ready: bool) -> str:
        lines = [
            "# HELP lading_model_info The model that is served.",
            "# TYPE lading_model_info gauge",
            f'lading_model_info{{name="{_escape(name)}",version="{_escape(version)}"}} 1',
            "# HELP lading_model_ready Whether the model is loaded.",
            "# TYPE lading_model_ready gauge",
            f"lading_model_ready {int(ready)}",
            "# HELP lading_requests_in_progress Requests that are being answered.",
            "# TYPE lading_requests_in_progress gauge",
            f"lading_requests_in_progress {self.in_progress}",
            "# HELP lading_requests_total Requests by endpoint and status code.",
            "# TYPE lading_requests_total counter",
        ]
        for (endpoint, status), count in sorted(self._requests.items()):
            lines.append(f'lading_requests_total{{endpoint="{_escape(endpoint)}",code="{status}"}} {count}')
        lines += [
            "# HELP lading_request_duration_seconds Time from the request's head to the answer.",
            "# TYPE lading_request_duration_seconds histogram",
        ]
        for endpoint, counts in sorted(self._buckets.items()):
            label = f'endpoint="{_escape(endpoint)}"'
            total = sum(count for (one, _), count in self._requests.items() if one == endpoint)
            for bound, count in zip(BUCKETS, counts):
                lines.append(f'lading_request_duration_seconds_bucket{{{label},le="{bound}"}} {count}')
            lines.append(f'lading_request_duration_seconds_bucket{{{label},le="+Inf"}} {total}')
            lines.append(f"lading_request_duration_seconds_sum{{{label}}} {self._sum[endpoint]!r}")
            lines.append(f"lading_request_duration_seconds_count{{{label}}} {total}")
        return "\n".join(lines) + "\n"


def _escape(text: str) -> str:
    return text.replace("\\", r"\\").replace('"', r"\"").replace("\n", r"\n")
