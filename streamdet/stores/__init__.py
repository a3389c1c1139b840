"""Object stores (S3, Google Cloud Storage, Azure Blob), reached through fsspec."""
