"""The life of a fine: from the facts about one violation to its fine, its history, or the reasons for none."""
