"""Photos on any page: gallery, photo panel, selection, tray, Grad-CAM, queries.

May be imported by the rooms of pages.
"""
