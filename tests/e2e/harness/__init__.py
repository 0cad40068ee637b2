"""What the end-to-end tests stand on: real daemons, an outside oracle, private namespaces."""
