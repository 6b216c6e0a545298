"""Mail subscriptions, and the links in their mails."""
