"""Crops of packed photos (keras): cut in front of the network, put together behind it.

The network sees all crops of a photo in one batch; where they overlap, their maps are averaged. The
mean of the map that is put together is the mean of the crops' features, so that Grad-CAM of it
keeps its meaning: what each place adds, over all crops.
"""

from keras import KerasTensor, ops

from core.config import Framing

_STEP = 32
"""Pixels of a photo behind one place of the last map."""


def cut_crops(photos: KerasTensor, framing: Framing) -> KerasTensor:
    """Return the crops (crops * n, c, c, 3) of photos (n, side, side, 3)."""
    if framing.crops == "centre":
        return photos
    if framing.crops == "mirror":
        return ops.concatenate([photos, photos[:, :, ::-1]], axis=0)
    side = framing.crop_side
    crops = [photos[:, top : top + side, left : left + side] for top, left in framing.corners]
    return ops.concatenate(crops, axis=0)


def join_crops(maps: KerasTensor, framing: Framing) -> KerasTensor:
    """Return the maps (n, side / 32, side / 32, 2048) of photos from those of their crops."""
    if framing.crops == "centre":
        return maps
    if framing.crops == "mirror":
        photos, mirrored = ops.split(maps, 2, axis=0)
        return (photos + mirrored[:, :, ::-1]) / 2
    side = framing.crop_side
    far = (framing.side - side) // _STEP
    *corners, middle = ops.split(maps, 5, axis=0)
    near, beyond = far // 2, far - far // 2  # half way between two places it lies on both
    joined = 0.0
    for corner, top, left in zip(corners, (0, 0, far, far), (0, far, 0, far), strict=True):
        joined = joined + _lay(corner, top, left, far)
    for top, left in ((near, near), (near, beyond), (beyond, near), (beyond, beyond)):
        joined = joined + _lay(middle, top, left, far) / 4
    return joined * ((framing.side / side) ** 2 / 5)


def _lay(maps: KerasTensor, top: int, left: int, far: int) -> KerasTensor:
    """Return the maps among zeros, where they lie in those of the photo."""
    return ops.pad(maps, ((0, 0), (top, far - top), (left, far - left), (0, 0)))
