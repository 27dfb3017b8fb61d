"""The report of a run as one HTML file, its model card, and their tables.

May be imported by `core.ui`, `core.cli` and `core.exporting`. Imports neither Streamlit nor Keras.
"""
