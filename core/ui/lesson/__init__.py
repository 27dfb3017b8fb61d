"""The page Lesson: transfer learning in steps, with check questions.

Imported by `pages` alone.
"""
