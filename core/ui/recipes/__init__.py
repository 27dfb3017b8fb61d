"""The form of a recipe, and the header that all pages about a run share.

May be imported by the rooms of pages and by `pages`.
"""
