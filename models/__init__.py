"""Rooms for tensors: encoder, heads, decoding, prediction, events."""
