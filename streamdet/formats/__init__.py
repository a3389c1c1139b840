"""What other programs read: frame JSON, MOT text."""
