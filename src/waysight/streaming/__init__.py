"""What the processors share: envelopes and their columns, screening, journals, the book of alerts, trails."""
