"""Photos on any page: gallery, panel of a photo, selection, Grad-CAM."""
