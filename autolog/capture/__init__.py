"""Around a wrapped call: what plugins see of it, and what they need to describe it."""
