"""What Strongroom can do per second, each figure next to a floor measured in the same run."""
