"""Patients that the course makes itself: anatomy, MR and CT physics, and cohorts as NIfTI files."""

VERSION = 1
"""Of the cohorts' bytes: raise it whenever a change makes other images from the same seed."""
