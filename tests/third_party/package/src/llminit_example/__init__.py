"""One part of each kind for LLMInit: an encoder, a selector, a backbone and a baseline."""
