"""Owns labelled images: archives, intake, duplicates, versions, audits, exploration and corrections."""
