"""Flowers drawn from a seed with NumPy and Pillow: the embedded sample's photos.

A plant is a `Mesh` of small coloured quads in space (`mesh`, `petals`, `leaves`, one module per
flower); `light` turns it into pixels with shade and cast shadows; `backgrounds` and `camera` do
what is behind it and what the lens adds; `scene` puts a photo together; `plan` says which.
"""
