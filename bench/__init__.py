"""What is fast, and how we know: each module prints ratios against a reference of the same run."""
