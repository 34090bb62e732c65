"""What an address may reach."""
