"""What each report says; a module is a report."""
