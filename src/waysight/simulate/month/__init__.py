"""A month of a city at the level of sightings, with the truth of every offence, fine and payment beside it."""
