"""What the traffic authority does: rule packs, imports, review, notices, evidence."""
