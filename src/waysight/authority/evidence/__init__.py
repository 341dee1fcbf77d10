"""What a violation rests on, as a signed package that stands by itself: records, pictures, report, keys."""
