"""Every type of column in every role through every door: it works, or it is refused in a sentence or two."""
