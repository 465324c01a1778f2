"""evalkit: versioned prompts × YAML suites × pytest → DuckDB → an honest comparison."""

__version__ = "0.1.0"
