"""Readers of files and tables: text, tables, arrays, frames, pictures, vectors."""
