"""An officer's work: what the evidence shows, what the law asks, the desk with its locks, the acts as records."""
