"""The programs of Signalpost: api, dispatcher, webhook, mailer, and the `worker` command line that starts them."""
