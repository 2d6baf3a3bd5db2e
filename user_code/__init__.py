"""What is computed: the domains, and what they share. In the user-code image only."""

__version__ = "0.1.0"
