"""What `fildes relay` is made of."""
