"""The wall: a page of photos that answers to mouse and keyboard, drawn by our own component."""

from core.ui.wall.showing import (
    Wall,
    WallAnswer,
    choose_photos,
    forget_photos,
    read_chosen,
    show_wall,
)

__all__ = ["Wall", "WallAnswer", "choose_photos", "forget_photos", "read_chosen", "show_wall"]
