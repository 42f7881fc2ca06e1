"""Tests against real servers and files."""
