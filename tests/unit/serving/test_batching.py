"""Photos gather to batches; each batch has one model; nobody waits for nothing."""

import asyncio
import threading
from dataclasses import dataclass, field
from types import SimpleNamespace
from typing import Any
from unittest.mock import Mock

import numpy as np
import pytest

from core.config import Framing
from core.errors import ServiceNotReady
from core.serving.answering import Batcher, Row
from core.serving.logbook import Figures

K = 3


@dataclass
class Model:
    """Answers with the mean of each photo; may be held up."""

    name: str
    batch_size: int = 4
    framing: Framing = Framing()  # noqa: RUF009 (frozen)
    go: threading.Event = field(default_factory=threading.Event)
    single: Mock = field(default_factory=Mock)
    sizes: list[int] = field(default_factory=list)

    def answer(self, photos: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        assert self.go.wait(60)
        self.sizes.append(len(photos))
        means = photos.reshape(len(photos), -1).mean(axis=1)
        return means[:, None], np.repeat(means[:, None], K, axis=1)


def photo(value: int) -> np.ndarray:
    return np.full((2, 2, 3), value, dtype=np.uint8)


def play(models: list[Any], script: Any, coming: int = 0) -> Any:
    """Return what the script returns; the last of the models serves."""

    async def run() -> Any:
        switcher: Any = SimpleNamespace(find_model=lambda: models[-1] if models else None)
        batcher = Batcher(switcher, Figures())
        batcher.coming = coming
        try:
            return await asyncio.wait_for(script(batcher), 60)
        finally:
            batcher.close()

    return asyncio.run(run())


def test_everybody_gets_their_own_row() -> None:
    model = Model("a")
    model.go.set()

    async def script(batcher: Batcher) -> list[Row]:
        return await asyncio.gather(*(batcher.ask(photo(value)) for value in range(10)))

    rows = play([model], script)
    assert [float(row.features[0]) for row in rows] == list(range(10))
    assert sum(model.sizes) == 10
    assert max(model.sizes) <= 4


def test_a_batch_gathers_while_another_is_answered() -> None:
    model = Model("a", batch_size=8)

    async def script(batcher: Batcher) -> None:
        asked = []
        for value, photos in ((1, 1), (2, 1), (3, 6)):
            asked += [asyncio.create_task(batcher.ask(photo(value))) for _ in range(photos)]
            await asyncio.sleep(0.05)
        model.go.set()
        await asyncio.gather(*asked)

    play([model], script)
    assert model.sizes == [1, 1, 6]


def test_who_comes_a_moment_later_is_waited_for_only_when_expected() -> None:
    for coming, sizes in ((0, [1, 1]), (1, [2])):
        model = Model("a", batch_size=2)
        model.go.set()

        async def script(batcher: Batcher) -> None:
            first = asyncio.create_task(batcher.ask(photo(1)))
            for _ in range(3):
                await asyncio.sleep(0)
            await asyncio.gather(first, batcher.ask(photo(2)))

        play([model], script, coming=coming)
        assert model.sizes == sizes


def test_a_switch_between_batches_leaves_each_answer_with_one_model() -> None:
    old, new = Model("old", batch_size=2), Model("new", batch_size=2)
    new.go.set()
    models = [old]

    async def script(batcher: Batcher) -> list[Row]:
        asked = [asyncio.create_task(batcher.ask(photo(value))) for value in range(6)]
        await asyncio.sleep(0.05)
        models.append(new)
        old.go.set()
        return await asyncio.gather(*asked)

    rows = play(models, script)
    assert [row.model.name for row in rows] == ["old"] * 2 + ["new"] * 4
    assert [float(row.features[0]) for row in rows] == list(range(6))


def test_one_that_is_given_up_takes_nobody_along() -> None:
    model = Model("a", batch_size=4)

    async def script(batcher: Batcher) -> Row:
        gone = asyncio.create_task(batcher.ask(photo(1)))
        stays = asyncio.create_task(batcher.ask(photo(2)))
        await asyncio.sleep(0.05)
        gone.cancel()
        model.go.set()
        return await stays

    assert float(play([model], script).features[0]) == 2


def test_without_a_model_it_says_so() -> None:
    async def script(batcher: Batcher) -> None:
        await batcher.ask(photo(1))

    with pytest.raises(ServiceNotReady):
        play([], script)


def test_a_mistake_of_the_model_reaches_everybody_and_the_next_batch_is_answered() -> None:
    class Broken(Model):
        def answer(self, photos: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
            if photos.max() > 100:
                raise RuntimeError("no memory")
            return super().answer(photos)

    model = Broken("a", batch_size=2)
    model.go.set()

    async def script(batcher: Batcher) -> None:
        bad = await asyncio.gather(
            *(batcher.ask(photo(200)) for _ in range(2)), return_exceptions=True
        )
        assert [type(one) for one in bad] == [RuntimeError] * 2
        assert float((await batcher.ask(photo(3))).features[0]) == 3

    play([model], script)
