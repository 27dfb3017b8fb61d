"""A surface of small coloured quads in space, and how it is turned, scaled and moved.

Axes: x to the right, y down (as in an image), z towards the viewer. A bloom is modelled around the
origin with its axis along z and its outer petals one unit long; colours are RGB in 0..1.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.floating[Any]]
Curve = NDArray[np.float64]  # values along a petal, a leaf or a disc


@dataclass(frozen=True, kw_only=True)
class Mesh:
    """Quads: corners (n, 4, 3) in space and one colour (n, 3) each."""

    corners: Floats
    colours: Floats

    def __len__(self) -> int:
        return len(self.corners)

    def scaled(self, factor: float) -> "Mesh":
        """Returns the mesh made larger by a factor around the origin."""
        return Mesh(corners=self.corners * np.float32(factor), colours=self.colours)

    def moved(self, x: float, y: float, z: float = 0.0) -> "Mesh":
        """Returns the mesh moved in space."""
        return Mesh(corners=self.corners + np.array([x, y, z], np.float32), colours=self.colours)

    def turned(self, matrix: Floats) -> "Mesh":
        """Returns the mesh turned by a rotation matrix (3, 3)."""
        return Mesh(corners=self.corners @ matrix.T, colours=self.colours)


def join_meshes(meshes: Sequence[Mesh]) -> Mesh:
    """Returns one mesh of all quads."""
    return Mesh(
        corners=np.concatenate([mesh.corners for mesh in meshes]),
        colours=np.concatenate([mesh.colours for mesh in meshes]),
    )


def weave_mesh(points: Floats, colours: Floats) -> Mesh:
    """Returns the quads between neighbouring points of surfaces.

    Args:
        points: (..., rows, columns, 3), one grid of points per surface.
        colours: RGB that broadcasts to the shape of `points`.
    """
    colours = np.broadcast_to(colours, points.shape)

    def around(grid: Floats) -> list[Floats]:
        return [
            grid[..., :-1, :-1, :],
            grid[..., 1:, :-1, :],
            grid[..., 1:, 1:, :],
            grid[..., :-1, 1:, :],
        ]

    corners = np.stack(around(points), axis=-2).reshape(-1, 4, 3)
    mixed = np.mean(around(colours), axis=0).reshape(-1, 3)
    return Mesh(corners=corners.astype(np.float32), colours=mixed.astype(np.float32))


def rotation_matrix(*, spin: float = 0.0, tilt: float = 0.0, lean: float = 0.0) -> Floats:
    """Returns the rotation (3, 3) that poses a bloom; all angles in degrees.

    Args:
        spin: around the bloom's own axis, first.
        tilt: then away from the viewer, the axis going from towards us to up in the image.
        lean: then clockwise in the image.
    """
    s, t, r = np.radians([spin, tilt, lean])
    about_axis = [[np.cos(s), -np.sin(s), 0], [np.sin(s), np.cos(s), 0], [0, 0, 1]]
    # Tilting takes the axis (0, 0, 1) to (0, -sin, cos): y points down in an image.
    about_x = [[1, 0, 0], [0, np.cos(t), -np.sin(t)], [0, np.sin(t), np.cos(t)]]
    about_z = [[np.cos(r), -np.sin(r), 0], [np.sin(r), np.cos(r), 0], [0, 0, 1]]
    pose: Floats = np.array(about_z) @ np.array(about_x) @ np.array(about_axis)
    return pose.astype(np.float32)


def rgb(code: str) -> Floats:
    """Returns the colour of a code such as "f4c020" as three numbers in 0..1."""
    return np.frombuffer(bytes.fromhex(code), np.uint8).astype(np.float32) / 255


def blend(first: Floats, second: Floats, share: Floats | np.floating[Any] | float) -> Floats:
    """Returns the colours between two, `share` (0..1) of the way to the second."""
    weight = np.clip(np.asarray(share, np.float32), 0, 1)[..., None]
    mixed: Floats = first + (second - first) * weight
    return mixed
