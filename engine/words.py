"""Words: from which number on a sentence says "healthy", "hardly" or "agree". One table for the whole program.

They are those of practice, not of theory; a change of one changes what the app says.
"""
