"""The prediction API: one process that answers programs with the champion.

May be imported by `core.cli`; pages call it over HTTP only. Only this room imports FastAPI.
"""
