"""Results as files: tables, figures, page, deck, submission, recording."""
