"""Every process of a real installation answers the monitoring, and what is drawn and watched exists in the answers."""

import os
import signal
from pathlib import Path

from domain.metrics import METRICS
from services import traffic
from services.traffic import Run
from tests.deploy.monitoring import names_asked_for
from tests.front_door.conftest import Site
from tests.metrics.running import Scrape, celery, scrape
from tests.waiting import eventually
from tests.webhooks.receiver import receiving


def test_every_process_answers_and_every_name_that_is_drawn_or_watched_is_in_the_answers(
    site: Site, tmp_path: Path
) -> None:
    with receiving() as watcher, celery(site.house.container.settings, tmp_path, watcher=watcher.url) as ports:
        eventually(lambda: watcher.calls, within_s=120, what="a round of looking for alerts")
        eventually(lambda: "strongroom_call_seconds_count" in scrape(ports["worker"]).text, what="its call, counted")
        answers = {name: scrape(port) for name, port in ports.items()}
    answers["web"] = scrape(site.web_port)
    answers["realtime"] = scrape(site.realtime[0].port)
    # Both say what they had counted when they stopped.
    with site.house.container.reading() as session:
        assert traffic.tasks(session)[Run("alerts.evaluate", "done")].count >= 1

    for name, answer in answers.items():
        assert answer.sum("strongroom_memory_bytes") > 10_000_000, name
        assert answer.sum("strongroom_cpu_seconds_total") > 0, name
    assert answers["worker"].sum("strongroom_processes") == 2  # the one that forks, and its only child
    assert answers["worker"].sum("strongroom_call_seconds_count", adapter="webhook", outcome="ok") >= 1
    assert answers["realtime"].sum("strongroom_requests_total", rule="/health/live", status="2xx") >= 1
    assert answers["web"].sum("strongroom_alerts_looked_age_seconds") < 200

    told = set().union(*(answer.names for answer in answers.values()))
    assert {name for metric in METRICS.values() for name in names_of(metric.name, metric.kind)} <= told
    asked_for = names_asked_for()
    assert len(asked_for) > 15
    assert asked_for - told == set()


def test_what_a_killed_worker_counted_stays_in_the_sum(site: Site) -> None:
    before = site_requests(scrape(site.web_port))
    with site.door.client() as client:
        for _ in range(20):
            assert client.get("/login").status_code == 200
    assert site_requests(scrape(site.web_port)) == before + 20
    workers = site.web_workers()
    assert len(workers) == 2
    os.kill(min(workers), signal.SIGKILL)
    eventually(lambda: len(site.web_workers() - {min(workers)}) == 2, what="a new worker")
    after = eventually(lambda: _scraped(site), what="an answer")
    assert site_requests(after) == before + 20
    assert after.sum("strongroom_processes") == 3


def site_requests(answer: Scrape) -> float:
    return answer.sum("strongroom_requests_total", rule="/login", status="2xx")


def names_of(name: str, kind: str) -> list[str]:
    return [f"{name}{suffix}" for suffix in ("_bucket", "_sum", "_count")] if kind == "histogram" else [name]


def _scraped(site: Site) -> Scrape | None:
    try:
        return scrape(site.web_port)
    except OSError:
        return None
