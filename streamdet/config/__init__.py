"""YAML files, their checked values, and what the command line changes in them."""
