"""What every page is made of: frame, caches, messages, pickers, tables."""
