"""The wall: a component that shows a page of photos and reacts to mouse and keyboard.

May be imported by `core.ui.photos` and the rooms of pages.
"""

from core.ui.wall.showing import (
    Wall,
    WallAnswer,
    choose_photos,
    forget_photos,
    read_chosen,
    show_wall,
)

__all__ = ["Wall", "WallAnswer", "choose_photos", "forget_photos", "read_chosen", "show_wall"]
