"""The waysight command's sub-commands, one module each."""
