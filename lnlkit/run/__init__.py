"""Execute a notebook at a scale, check what came out, and say what was measured."""
