"""Rooms for change: configuration, batches, the trainer, the train command."""
