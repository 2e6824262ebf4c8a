"""How jobs run: each in its own daemon thread, so that one that hangs delays no other and no end of the program.

APScheduler's own pool of ten is full after ten hung jobs, and its end waits for all of them.
"""

from __future__ import annotations

import sys
import threading
from datetime import datetime
from typing import Any

from apscheduler.executors.base import BaseExecutor, run_job


class DaemonThreads(BaseExecutor):  # type: ignore[misc]  # APScheduler 3 has no type hints
    """One thread a run. Whatever a job raises, SystemExit and KeyboardInterrupt too, is an event and no more."""

    def _do_submit_job(self, job: Any, run_times: list[datetime]) -> None:
        threading.Thread(target=self._run, args=(job, run_times), daemon=True, name=f"wd-{job.id}").start()

    def _run(self, job: Any, run_times: list[datetime]) -> None:
        try:
            events = run_job(job, job._jobstore_alias, run_times, self._logger.name)
        except BaseException:  # noqa: BLE001 - a job must not take its thread's bookkeeping with it
            self._run_job_error(job.id, *sys.exc_info()[1:])
        else:
            self._run_job_success(job.id, events)
