"""Cells: numbers, amounts and texts brought into the form of their field."""
