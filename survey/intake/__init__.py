"""What comes in as a file: its cells, its columns, its rows, and how they are kept. Everything refused is named."""
