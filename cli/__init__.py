"""The ``cvfs`` command: arguments, environment, messages and exit codes around the use cases of ``cvfs``."""
