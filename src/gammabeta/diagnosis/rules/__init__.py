"""One kind of trouble a file: its page, and the rule that suspects it."""
