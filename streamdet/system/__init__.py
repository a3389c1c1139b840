"""What is asked of Linux: processes, cores, whole files, text without secrets."""
