"""Answers for new photos: predictor, answer rule, words, Grad-CAM, nearest photos.

May be imported by `core.exact` and the rooms above. Never imports Keras.
"""
