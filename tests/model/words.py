"""A way through the states, told step by step."""

def told(space, numbers):
    return [str(n) for n in numbers]
