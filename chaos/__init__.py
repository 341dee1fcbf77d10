"""Harm on purpose: trials of the engine, and a campaign against the whole pipeline whose ledger must balance."""
