"""Photos: sources, manifest, splits, decoding, packing, augmentation.

May be imported by every room of `core` above the ground; imports nothing of `models`.
"""
