"""One traffic rule per module: a pass and what the rule needs in, violations out."""
