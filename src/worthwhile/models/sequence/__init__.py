"""The shop's own event model: a network over what each customer did, in the order of time."""
