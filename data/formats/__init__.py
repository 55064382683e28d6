"""Annotated text in other people's formats: one small module a format, one registry."""
