"""The drill: the whole installation under load while it is hurt, and a judgement of what became of the money."""
