"""Who runs protocol code: one driver for blocking code, asyncio and trio each."""
