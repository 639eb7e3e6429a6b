"""The version, alone, so that those who only need it import nothing else."""

__version__ = "0.1.0"
