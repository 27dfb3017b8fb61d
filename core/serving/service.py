"""What one application holds: switcher, desk, log and figures; begun and ended here."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress

import structlog
from sqlalchemy.exc import SQLAlchemyError
from threadpoolctl import threadpool_limits  # type: ignore[import-untyped]

from core.config import Settings
from core.errors import PetalscopeError, ServiceBusy
from core.monitoring.rules import list_alarms
from core.runs.queue.scheduled import wake_scheduler
from core.serving.answering import AnswerService
from core.serving.figures import Figures
from core.serving.logbook import Logbook
from core.serving.schemas import Readiness
from core.serving.switching import State, Switcher
from core.workspace import Workspace

_BATCHES_AT_ONCE = 4
_journal = structlog.get_logger("petalscope.api")


class Service:
    """The parts behind the addresses."""

    def __init__(self, workspace: Workspace, settings: Settings, figures: Figures) -> None:
        self.workspace = workspace
        self.figures = figures
        self.switcher = Switcher(workspace, self._tell_change)
        self.logbook = Logbook(workspace, figures.log_lost.inc)
        self.answers = AnswerService(settings, self.switcher, self.logbook, figures)
        figures.log_waiting.set_function(lambda: self.logbook.waiting)
        self._batches = 0

    @asynccontextmanager
    async def run(self) -> AsyncIterator[None]:
        """Yield while the service answers; afterwards what waits for the log is written."""
        # BLAS threads that wake behind OpenVINO's take longer than what they are given to do.
        with threadpool_limits(1, user_api="blas"):
            self.logbook.start()
            self.switcher.start()
            await asyncio.to_thread(self._wake_scheduler)
            try:
                yield
            finally:
                self.switcher.close()
                self.answers.close()
                self.logbook.close()
                _journal.info("ended", log_lost=self.logbook.lost)

    @asynccontextmanager
    async def open_batch(self) -> AsyncIterator[None]:
        """Yield while a batch request is read and answered; only a few may be at once.

        Raises:
            ServiceBusy: There are as many as may be.
        """
        if self._batches >= _BATCHES_AT_ONCE:
            raise ServiceBusy(
                f"{_BATCHES_AT_ONCE} batches are being answered already.",
                "Send it again in some seconds.",
                retry_after=3,
            )
        self._batches += 1
        try:
            yield
        finally:
            self._batches -= 1

    async def write_figures(self) -> bytes:
        """Return the figures for Prometheus; alarms are read now."""
        with suppress(SQLAlchemyError, PetalscopeError):
            alarms = await asyncio.to_thread(list_alarms, self.workspace, active=True)
            self.figures.show_alarms({alarm.rule for alarm in alarms})
        return self.figures.write()

    def describe_readiness(self) -> Readiness:
        """Return whether photos are answered, and by what."""
        state = self.switcher.state
        said = state if state.model else state.refusal
        return Readiness(
            status="not_ready" if not state.model else "degraded" if state.is_degraded else "ready",
            version=state.model.version.label if state.model else None,
            champion=f"v{state.champion}" if state.champion else None,
            problem=said.problem,
            remedy=said.remedy,
            photos_waiting=self.answers.places.taken,
            queue=self.answers.places.size,
            log_waiting=self.logbook.waiting,
            log_lost=self.logbook.lost,
        )

    def _wake_scheduler(self) -> None:
        try:
            wake_scheduler(self.workspace)
        except (SQLAlchemyError, PetalscopeError, OSError) as error:  # answers are worth more
            _journal.error("scheduler not woken", problem=type(error).__name__)

    def _tell_change(self, state: State) -> None:
        self.figures.degraded.set(state.is_degraded or state.model is None)
        if state.model is None:
            _journal.error("not ready", problem=state.problem)
            return
        version = state.model.version
        self.figures.show_serving(version.label, version.digest)
        _journal.info(
            "serving",
            version=version.label,
            digest=version.digest[:12],
            champion=state.champion,
            batch_size=state.model.batch_size,
            problem=state.problem,
        )
