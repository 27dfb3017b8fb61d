"""What a run is to do: its recipe, checked, worded and compared."""
