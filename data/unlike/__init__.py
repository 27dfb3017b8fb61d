"""Photos that show no flower, drawn by our own code: what a model should not know.

`drawing` makes them all; `surfaces` and `things` hold one function a motif. They are a measuring
stick for “unlike anything I was trained on”, never trained on.
"""
