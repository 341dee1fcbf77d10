"""Rule packs (data)."""
