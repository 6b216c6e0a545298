"""What came of the mails about a billing export."""
