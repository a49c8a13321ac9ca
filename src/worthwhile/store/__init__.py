"""The tables of a shop: atomic writes, reads at one version, the event log opened for queries."""
