"""The name under which recorded scripts import reproducers/driver.py."""

from .reproducers.driver import *  # noqa: F403
from .reproducers.driver import __all__ as __all__
