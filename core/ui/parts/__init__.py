"""Parts of every page: frame, caches, messages, pickers, address and session.

May be imported by every room in `core.ui`.
"""
