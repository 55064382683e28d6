"""The annotation loop with Label Studio: the labelling configuration, tasks there and annotations back."""
