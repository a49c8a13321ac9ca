"""Point-in-time features, declared once as data; a snapshot of all customers at a cutoff is made here."""
