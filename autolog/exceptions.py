"""What autolog raises, and only at the door of its own functions, never inside a user's `fit`.

AutologError
├── UsageError                 a function of ours was given something it cannot take (also a ValueError)
│   ├── SettingsError          an option that does not exist or has the wrong type
│   └── FilterError            a filter or order that cannot be read; points at the place
├── RunNotFoundError           no run of that id where it was looked for (also a LookupError)
├── PluginError                a plugin could not be used
│   └── UnknownBackendError    no installed backend speaks that scheme
├── PatchError                 a callable cannot be wrapped without being changed
├── RefusedError               others' code refuses what a record needs, as an object may refuse to be pickled
├── JournalError               bytes that are no journal, or of a newer format
└── ModelError                 a model cannot be saved, or a saved one not be loaded
    ├── ModelTooLarge          it is larger than max_model_mb
    ├── UntrustedModelError    loading it would run code of types that the caller has not trusted
    ├── DamagedModelError      its bytes are not those that were recorded
    └── MissingRequirementError  it needs a module that is not installed here
"""

from __future__ import annotations

__all__ = [
    "AutologError",
    "DamagedModelError",
    "FilterError",
    "JournalError",
    "MissingRequirementError",
    "ModelError",
    "ModelTooLarge",
    "PatchError",
    "PluginError",
    "RefusedError",
    "RunNotFoundError",
    "SettingsError",
    "UnknownBackendError",
    "UntrustedModelError",
    "UsageError",
]


class AutologError(Exception):
    """The root of everything that autolog raises."""


class UsageError(AutologError, ValueError):
    """A function of ours was given something it cannot take."""


class SettingsError(UsageError):
    """An option that does not exist, or a value of the wrong type; names where it was set."""


class FilterError(UsageError):
    """A filter string or an order that cannot be read.

    Args:
        message: what is wrong and what would be right.
        text: the whole filter.
        position: the offset in `text`, counted in characters, at which it stops making sense.
    """

    def __init__(self, message: str, text: str, position: int) -> None:
        self.message = message
        self.text = text
        self.position = position
        super().__init__(f"{message}\n  {text}\n  {' ' * position}^")


class RunNotFoundError(AutologError, LookupError):
    """No run of that id where it was looked for."""


class PluginError(AutologError):
    """A plugin could not be used."""


class UnknownBackendError(PluginError, ValueError):
    """No installed backend speaks that scheme; names those that are installed."""


class PatchError(AutologError):
    """A callable cannot be wrapped without changing it for its users."""


class RefusedError(AutologError):
    """Others' code refuses what a record needs: a note of the run; nothing of ours has failed."""


class JournalError(AutologError):
    """Bytes that are no journal, or one written by a newer format."""


class ModelError(AutologError):
    """A model cannot be saved, or a saved one not be loaded."""


class ModelTooLarge(ModelError):  # noqa: N818 - a plugin's author lets it pass by this name
    """The model is larger than `max_model_mb` allows; nothing of it was kept."""


class UntrustedModelError(ModelError):
    """Loading the model would run code of types that the caller has not trusted; names them."""


class DamagedModelError(ModelError):
    """The model's bytes are not those that were recorded."""


class MissingRequirementError(ModelError):
    """The model needs a module that is not installed here; names it and the version recorded."""
