"""What `fildes serve` is made of."""
