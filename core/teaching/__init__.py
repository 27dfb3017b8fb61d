"""Lessons: their texts, a head that learns while it is watched, and check questions.

May be imported by `core.ui`.
"""
