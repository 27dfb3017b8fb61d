"""The page Slices: parts of the photos on which a run is worse."""
