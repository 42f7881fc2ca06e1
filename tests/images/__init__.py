"""The images as an owner runs them, in a Docker engine of this machine: `make test-images`."""
