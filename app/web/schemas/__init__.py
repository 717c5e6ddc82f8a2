"""What the HTTP interface takes and gives, for validation and documentation."""
