"""Photos of batches leave places to those who send one."""

import asyncio
from types import SimpleNamespace
from typing import Any
from unittest.mock import Mock

import numpy as np
import pytest

from core.config import Framing, Settings
from core.errors import PhotoUnreadable
from core.serving.answering import AnswerService
from core.serving.figures import Figures
from core.serving.uploads import Upload
from data.images import read_packed_photo
from tests.builders import draw_photo, encode_photo

UPLOADS = [Upload(name=f"{number}.jpg", content=b"\xff\xd8\xff") for number in range(64)]


@pytest.mark.parametrize(("queue", "taken"), [(64, 16), (2, 1)])
def test_batches_take_a_quarter_of_the_places(queue: int, taken: int) -> None:
    async def play() -> None:
        switcher = SimpleNamespace(find_model=lambda: SimpleNamespace())
        desk = AnswerService(Settings(api_queue=queue), switcher, None, Figures())  # type: ignore[arg-type]
        goes_on = asyncio.Event()

        async def answer(*_: object) -> None:
            await goes_on.wait()
            desk.places.leave()
            raise PhotoUnreadable("none", "none")

        desk._answer_in_place = answer  # type: ignore[assignment, method-assign]
        batches = [
            asyncio.create_task(desk.answer_batch(UPLOADS, request_id="", client="", top=1))
            for _ in range(4)
        ]
        while desk.places.taken < taken:
            await asyncio.sleep(0)
        for _ in range(1000):  # whoever still waits would have gone on by now
            await asyncio.sleep(0)
        assert desk.places.taken == taken
        for _ in range(queue - taken):
            await desk.places.take()
        goes_on.set()
        assert [len(items) for items in await asyncio.gather(*batches)] == [64] * 4
        assert desk.places.taken == queue - taken
        desk.close()

    asyncio.run(play())


def test_a_photo_is_packed_again_for_a_champion_of_another_framing() -> None:
    content = encode_photo(draw_photo(0, 0, (60, 20)))
    large, usual = Framing(how="pad", side=288), Framing()
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
