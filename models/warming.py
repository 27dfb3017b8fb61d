"""Gets a worker warm (keras): Keras is imported, and the first epoch of the next fit is fast."""

import numpy as np

from core.config import FEATURE_SIZE
from models.fitting import fit_head
from models.plan import FitPlan, HeadShape


def warm_up() -> None:
    """Returns nothing; a tiny head was trained."""
    rng = np.random.default_rng(0)
    features, labels = rng.random((8, FEATURE_SIZE), dtype=np.float32), np.arange(8) % 2
    fit_head(
        train=([features], labels),
        validation=([features], labels),
        head=HeadShape(n_classes=2),
        plan=FitPlan(batch_size=8, epochs=1),
        standardise=True,
        checkpoint_folder=None,
        on_epoch=lambda *_: None,
        should_stop=lambda: False,
    )
