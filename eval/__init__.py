"""Rooms for truth: metrics, baselines, cross-validation, reports."""
