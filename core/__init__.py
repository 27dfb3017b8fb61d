"""What the workbench does, without Keras.

Each room says below which rooms may import it; the order is in `[tool.importlinter]`.
"""
