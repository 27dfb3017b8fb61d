"""Lessons: their words, a head that learns while one watches, and questions with right answers."""
