"""The pages, one room each, and the parts that they share.

Only `pages` imports the room of a page; a page's room imports no other page's room.
"""
