"""The product as people and owners meet it."""
