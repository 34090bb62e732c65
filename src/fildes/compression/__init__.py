"""What the schemes gzip, bzip2, xz, zstd and br share."""
