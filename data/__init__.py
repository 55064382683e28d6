"""Rooms for text: articles, schema, readers, cleaning, windows, tags."""
