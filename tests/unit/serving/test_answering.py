"""Photos of batches leave places to those who send one."""

import asyncio
from collections import Counter
from types import SimpleNamespace
from typing import Any
from unittest.mock import Mock

import numpy as np
import pytest

from core.config import Framing, Settings
from core.errors import PhotoUnreadable, ServiceBusy
from core.serving.answering import AnswerService, Asker
from core.serving.logbook import Figures
from data.images import read_packed_photo
from tests.builders import draw_photo, encode_photo

UPLOADS = [(f"{number}.jpg", b"\xff\xd8\xff") for number in range(64)]


@pytest.mark.parametrize(("queue", "taken"), [(64, 16), (2, 1)])
def test_batches_take_a_quarter_of_the_places(queue: int, taken: int) -> None:
    async def play() -> None:
        switcher: Any = SimpleNamespace(find_model=lambda: SimpleNamespace())
        service = AnswerService(Settings(api_queue=queue), switcher, Mock(), Figures())
        goes_on = asyncio.Event()

        async def ask(_: object) -> Any:
            await goes_on.wait()
            raise PhotoUnreadable("none", "none")

        service._ask = ask  # type: ignore[method-assign]
        asker = Asker("", "", 1)
        batches = [asyncio.create_task(service.answer_batch(UPLOADS, asker)) for _ in range(4)]
        for _ in range(1000):  # long enough for all that could begin
            await asyncio.sleep(0)
        assert service.waiting == taken
        single = [asyncio.create_task(service.answer(UPLOADS[0][1], asker)) for _ in range(queue)]
        for _ in range(1000):
            await asyncio.sleep(0)
        assert service.waiting == queue
        goes_on.set()
        assert [len(items) for items in await asyncio.gather(*batches)] == [64] * 4
        refused = Counter(map(type, await asyncio.gather(*single, return_exceptions=True)))
        assert refused == {PhotoUnreadable: queue - taken, ServiceBusy: taken}
        assert service.waiting == 0
        service.close()

    asyncio.run(play())


def test_a_photo_is_packed_again_for_a_champion_of_another_framing() -> None:
    content = encode_photo(draw_photo(0, 0, (60, 20)))
    large, usual = Framing(how="pad"), Framing()
    models = iter(SimpleNamespace(framing=framing) for framing in (large, usual, usual))
    asked: list[np.ndarray] = []

    async def play() -> tuple[Any, Any]:
        service = AnswerService(Settings(), Mock(), Mock(), Mock())
        service._switcher.find_model = lambda: next(models)  # type: ignore[method-assign]

        async def ask(photo: np.ndarray) -> SimpleNamespace:
            asked.append(photo)
            return SimpleNamespace(model=next(models))

        service._batcher.ask = ask  # type: ignore[assignment,method-assign]
        answered = await service._ask(content)
        service.close()
        return answered

    decoded, row = asyncio.run(play())
    assert (decoded.framing, row.model.framing) == (usual, usual)
    wanted = [read_packed_photo(content, framing)[0] for framing in (large, usual)]
    assert all(np.array_equal(a, b) for a, b in zip(asked, wanted, strict=True))
