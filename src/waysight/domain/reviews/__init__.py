"""The rules of review: who may decide, what stands, what conflicts, what comes first, what is looked at again."""
