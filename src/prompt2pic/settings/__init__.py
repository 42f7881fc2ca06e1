"""The settings of every process, read once from the environment or a `.env` file."""

from prompt2pic.settings.fields import Settings
from prompt2pic.settings.folder import make_folder, refuse_full
from prompt2pic.settings.reading import load_settings, variable
from prompt2pic.settings.secret import load_secret

__all__ = ["Settings", "load_secret", "load_settings", "make_folder", "refuse_full", "variable"]
